package api

import (
	"context"

	"bookledger/cmd/internal/service"
	"bookledger/projections"
	"bookledger/projections/checkpoint"
)

// Fridays, RejectedEvents and Exports hold the ledger's figures.
type (
	Fridays struct {
		Fridays []checkpoint.Checkpoint `json:"fridays" doc:"The Fridays, the earliest first."`
	}
	RejectedEvents struct {
		Rejected []projections.RejectedEvent `json:"rejected" doc:"The rejected events, the newest first."`
	}
	Exports struct {
		Exports []projections.ExportStep `json:"exports" doc:"The steps, the newest first."`
	}
)

// RecentQuery is which part is wanted of a list that is read from its newest entry.
type RecentQuery struct {
	Before uint64 `query:"before" minimum:"1" doc:"Give only what stands before this sequence; without it, begin with the newest." example:"104200"`
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"How many to give at most."`
}

func (a *API) fridays(_ context.Context, c service.Caller, _ *struct{}) (*result[Fridays], error) {
	all, err := a.Service.Fridays(c)
	return resultOf(Fridays{append([]checkpoint.Checkpoint{}, all...)}, err)
}

func (a *API) rejected(_ context.Context, c service.Caller, in *RecentQuery) (*result[RejectedEvents], error) {
	all, err := a.Service.Rejections(c, in.Before, in.Limit)
	return resultOf(RejectedEvents{append([]projections.RejectedEvent{}, all...)}, err)
}

func (a *API) exports(ctx context.Context, c service.Caller, in *struct {
	RecentQuery
	SHA256 string `query:"sha256" pattern:"^[0-9A-Fa-f]{64}$" doc:"The SHA-256 of a file, in hex, in capital or small letters." example:"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"`
}) (*result[Exports], error) {
	all, err := a.Service.Exports(ctx, c, in.SHA256, in.Before, in.Limit)
	return resultOf(Exports{append([]projections.ExportStep{}, all...)}, err)
}

func (a *API) status(ctx context.Context, c service.Caller, _ *struct{}) (*result[projections.Status], error) {
	return resultOf(a.Service.Status(ctx, c))
}

func (a *API) explanation(ctx context.Context, c service.Caller, in *struct {
	CasePath
	Agent  string `query:"agent" format:"Identifier" doc:"Only what concerns this agent's lists and books." example:"A100001"`
	Friday string `query:"friday" format:"FridayOrLatest" doc:"As of the cutoff of this Friday; \x60latest\x60 is the last one." example:"2026-11-20"`
}) (*result[*service.Explanation], error) {
	return resultOf(a.Service.Explain(ctx, c, in.Case, in.Agent, in.Friday))
}

func (a *API) differences(ctx context.Context, c service.Caller, in *struct {
	OwnerPath
	From     string `query:"from" required:"true" format:"Date" doc:"The earlier Friday." example:"2026-11-13"`
	To       string `query:"to" default:"latest" format:"FridayOrLatest" doc:"The later Friday; \x60latest\x60 is the last one." example:"2026-11-20"`
	Page     int    `query:"page" minimum:"1" maximum:"1000000" default:"1" doc:"Which page, counted from 1."`
	PageSize int    `query:"page_size" minimum:"1" maximum:"1000" default:"100" doc:"How many rows a page has at most."`
}) (*result[*service.Differences], error) {
	return resultOf(a.Service.Compare(ctx, c, in.owner(), service.CompareQuery{From: in.From, To: in.To, Page: in.Page, PageSize: in.PageSize}))
}
