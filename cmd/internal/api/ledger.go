package api

import (
	"context"

	"bookledger/cmd/internal/service"
	"bookledger/projections"
	"bookledger/projections/checkpoint"
)

// Fridays, RejectedEvents and Exports are the responses of the ledger operations.
type (
	Fridays struct {
		Fridays []checkpoint.Checkpoint `json:"fridays" doc:"The Fridays, earliest first."`
	}
	RejectedEvents struct {
		Rejected []projections.RejectedEvent `json:"rejected" doc:"The rejected events, newest first."`
	}
	Exports struct {
		Exports []projections.ExportStep `json:"exports" doc:"The steps of exports, newest first."`
	}
)

// RecentQuery selects a part of a list that is read backwards from its newest entry.
type RecentQuery struct {
	Before uint64 `query:"before" minimum:"1" doc:"Return only entries before this sequence. If absent, start with the newest." example:"104200"`
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"The maximum number of entries to return."`
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
	SHA256 string `query:"sha256" pattern:"^[0-9A-Fa-f]{64}$" doc:"The SHA-256 of a workbook, in hexadecimal digits. Case-insensitive." example:"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"`
}) (*result[Exports], error) {
	all, err := a.Service.Exports(ctx, c, in.SHA256, in.Before, in.Limit)
	return resultOf(Exports{append([]projections.ExportStep{}, all...)}, err)
}

func (a *API) status(ctx context.Context, c service.Caller, _ *struct{}) (*result[projections.Status], error) {
	return resultOf(a.Service.Status(ctx, c))
}

func (a *API) explanation(ctx context.Context, c service.Caller, in *struct {
	CasePath
	Agent  string `query:"agent" format:"Identifier" doc:"Return only events that affect this agent's lists and books." example:"A100001"`
	Friday string `query:"friday" format:"FridayOrLatest" doc:"Explain the book of this Friday. \x60latest\x60 is the most recent one." example:"2026-11-20"`
}) (*result[*service.Explanation], error) {
	return resultOf(a.Service.Explain(ctx, c, in.Case, in.Agent, in.Friday))
}

func (a *API) differences(ctx context.Context, c service.Caller, in *struct {
	OwnerPath
	From     string `query:"from" required:"true" format:"Date" doc:"The Friday of the earlier book." example:"2026-11-13"`
	To       string `query:"to" default:"latest" format:"FridayOrLatest" doc:"The Friday of the later book. \x60latest\x60 is the most recent one." example:"2026-11-20"`
	Page     int    `query:"page" minimum:"1" maximum:"1000000" default:"1" doc:"The page number, starting at 1."`
	PageSize int    `query:"page_size" minimum:"1" maximum:"1000" default:"100" doc:"The maximum number of rows on a page."`
}) (*result[*service.Differences], error) {
	return resultOf(a.Service.Compare(ctx, c, in.owner(), service.CompareQuery{From: in.From, To: in.To, Page: in.Page, PageSize: in.PageSize}))
}
