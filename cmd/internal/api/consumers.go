package api

import (
	"context"

	"bookledger/cmd/internal/service"
)

// listInput has its filters in the URL, without those that could identify a
// consumer.
type listInput struct {
	OwnerPath
	service.ListParams
}

// searchInput has all filters in the body.
type searchInput struct {
	OwnerPath
	Body service.ListParams
}

func (a *API) listPage(c service.Caller, o service.Owner, kind service.Kind, params service.ListParams) (*result[service.ConsumerPage], error) {
	q, err := params.Query(service.MaxListed)
	if err != nil {
		return nil, err
	}
	l, err := a.Service.List(c, o, kind, q)
	if err != nil {
		return nil, err
	}
	b, err := l.JSON()
	return &result[service.ConsumerPage]{b}, err
}

// CasePath is the case in a path.
type CasePath struct {
	Case string `path:"case" format:"Identifier" doc:"The case ID." example:"5000032500"`
}

func (a *API) getCase(ctx context.Context, c service.Caller, in *struct {
	OwnerPath
	CasePath
}) (*result[*service.CaseDetails], error) {
	return resultOf(a.Service.Case(ctx, c, in.owner(), in.Case))
}

func (a *API) act(ctx context.Context, c service.Caller, in *struct {
	OwnerPath
	CasePath
	Action service.Action `path:"action" format:"Action" doc:"The action: \x60mark-inactive\x60 or \x60reactivate\x60 for a delegated consumer, \x60accept\x60 or \x60decline\x60 for a pending request." example:"mark-inactive"`
	Body   *Empty
}) (*result[*service.ActionResult], error) {
	return resultOf(a.Service.Act(ctx, c, in.owner(), in.Case, in.Action))
}

// Empty is a body without members.
type Empty struct{}

func (a *API) agents(_ context.Context, c service.Caller, in *OwnerPath) (*result[*service.Agency], error) {
	return resultOf(a.Service.Agents(c, in.Agency))
}

func (a *API) transfer(ctx context.Context, c service.Caller, in *struct {
	OwnerPath
	Body service.TransferRequest
}) (*result[*service.TransferResult], error) {
	return resultOf(a.Service.Transfer(ctx, c, in.Agency, in.Body))
}
