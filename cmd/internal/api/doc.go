// Package api is the HTTP interface below /v1: JSON in and out, problems as
// RFC 9457 has them, as schemas/openapi.yaml describes it.
//
// It promises to say nothing but what package desk says, and to answer every
// request that is not as it should be with the status of the contracts and the
// field that is wrong. Who asks is told to it.
package api
