package identity

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"go.uber.org/zap"
	"golang.org/x/sync/singleflight"
)

// keySet contains the issuer's public keys. Unlike go-oidc's key set, it does
// not request the keys again for every token that fails to verify, and it
// distinguishes an invalid token from unavailable keys.
type keySet struct {
	address  string
	client   *http.Client
	now      func() time.Time
	log      *zap.Logger
	inFlight singleflight.Group

	mu        sync.RWMutex
	keys      []jose.JSONWebKey
	lastFetch time.Time // when the keys were last requested
	err       error     // of that request
}

// maxKeyAge is the age at which keys are requested again, so that keys that the
// issuer has withdrawn are no longer accepted.
const maxKeyAge = 15 * time.Minute

// maxKeySetBytes limits how much of a key set is read.
const maxKeySetBytes = 1 << 20

// signedPayload is a token's payload whose signature has been verified.
type signedPayload []byte

// VerifySignature implements oidc.KeySet.
func (p signedPayload) VerifySignature(context.Context, string) ([]byte, error) { return p, nil }

// verify returns the payload of a token that is signed with one of the issuer's
// keys. Otherwise the error is a Failure with ReasonToken or ReasonIssuer.
func (k *keySet) verify(ctx context.Context, signed *jose.JSONWebSignature) (signedPayload, error) {
	k.mu.RLock()
	known, age := k.keys, k.now().Sub(k.lastFetch)
	err := k.err
	k.mu.RUnlock()
	payload, found := verifyWithKeys(signed, known)
	if found && age < maxKeyAge {
		return payload, nil
	}
	pause := keyRefreshPause
	if err != nil {
		pause = retryPause
	}
	if age >= pause {
		answer := k.inFlight.DoChan("", func() (any, error) { return nil, k.refresh() })
		if found {
			return payload, nil // later requests use the new keys
		}
		select {
		case <-ctx.Done():
			return nil, unreachable()
		case <-answer:
		}
		k.mu.RLock()
		known, err = k.keys, k.err
		k.mu.RUnlock()
		payload, found = verifyWithKeys(signed, known)
	}
	switch {
	case found:
		return payload, nil
	case err != nil:
		return nil, unreachable()
	}
	return nil, fail(ReasonToken, "the token's signature does not match the issuer's keys")
}

func verifyWithKeys(signed *jose.JSONWebSignature, known []jose.JSONWebKey) (signedPayload, bool) {
	named := signed.Signatures[0].Header.KeyID
	for i := range known {
		if known[i].Use == "enc" || named != "" && known[i].KeyID != named {
			continue
		}
		if payload, err := signed.Verify(&known[i]); err == nil {
			return payload, true
		}
	}
	return nil, false
}

func (k *keySet) refresh() error {
	got, err := k.fetch()
	if err != nil {
		k.log.Warn("fetching the issuer's keys failed", zap.String("address", k.address), zap.String("reason", safeMessage(err)))
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.lastFetch, k.err = k.now(), err
	if err == nil {
		k.keys = got
	}
	return err
}

func (k *keySet) fetch() ([]jose.JSONWebKey, error) {
	ctx, cancel := context.WithTimeout(context.Background(), issuerTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, k.address, nil)
	if err != nil {
		return nil, err
	}
	answer, err := k.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("unexpected status %s", answer.Status)
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.NewDecoder(io.LimitReader(answer.Body, maxKeySetBytes)).Decode(&set); err != nil {
		return nil, fmt.Errorf("decoding the keys: %w", err)
	}
	var got []jose.JSONWebKey
	for _, raw := range set.Keys {
		var key jose.JSONWebKey
		// Ignore unknown kinds of keys (RFC 7517, section 5).
		if err := json.Unmarshal(raw, &key); err == nil && key.Valid() && key.IsPublic() {
			got = append(got, key)
		}
	}
	return got, nil
}
