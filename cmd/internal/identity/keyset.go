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

// keySet holds the issuer's public keys. go-oidc's own set asks the issuer again
// at every token that does not verify; this one pauses, and tells a token that
// is bad from keys that cannot be had.
type keySet struct {
	address  string
	client   *http.Client
	now      func() time.Time
	log      *zap.Logger
	inFlight singleflight.Group

	mu        sync.RWMutex
	keys      []jose.JSONWebKey
	lastFetch time.Time // when the issuer was last asked
	err       error     // what came of that
}

// maxKeyAge is when known keys are asked for again, so that one which the issuer
// has withdrawn ceases to count.
const maxKeyAge = 15 * time.Minute

// maxKeySetBytes is how much of a set of keys is read, in bytes.
const maxKeySetBytes = 1 << 20

// signedPayload is what one of the issuer's keys has signed.
type signedPayload []byte

// VerifySignature is what go-oidc asks of a key set.
func (p signedPayload) VerifySignature(context.Context, string) ([]byte, error) { return p, nil }

// verify returns the payload of a token that one of the issuer's keys has
// signed. Else the error is a Failure: a ReasonToken or a ReasonIssuer.
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
			return payload, nil // whoever is next sees what has come
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
	return nil, fail(ReasonToken, "the token is signed with a key that is not the issuer's")
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
		k.log.Warn("the issuer's keys cannot be had", zap.String("address", k.address), zap.String("why", safeMessage(err)))
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
		return nil, fmt.Errorf("it answered %s", answer.Status)
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.NewDecoder(io.LimitReader(answer.Body, maxKeySetBytes)).Decode(&set); err != nil {
		return nil, fmt.Errorf("read the keys: %w", err)
	}
	var got []jose.JSONWebKey
	for _, raw := range set.Keys {
		var key jose.JSONWebKey
		// A kind of key that is not known here is none of ours (RFC 7517, 5).
		if err := json.Unmarshal(raw, &key); err == nil && key.Valid() && key.IsPublic() {
			got = append(got, key)
		}
	}
	return got, nil
}
