package issuer

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"bookledger/cmd/internal/loopback"
	"bookledger/projections/access"
)

// Person is a demo identity, with what the sign-in page says of it.
type Person struct {
	access.Person
	Role     string // "agent", "manager", "admin_l1", "admin_l2", "auditor" or "operator"
	AgencyID string // "" where none
}

// Options is what an issuer is made from.
type Options struct {
	// Base is the issuer's own URL, like http://127.0.0.1:8080/issuer, without
	// a slash at its end. Its host is a loopback address or localhost.
	Base string
	// ClientID is the one client that tokens are for.
	ClientID string
	// Portal is where browsers reach that client, without a slash at its end.
	// The redirect URI is Portal + "/sign-in/callback", and people come back
	// to Portal + "/signed-out".
	Portal string
	// People are who can be chosen, in this order.
	People []Person
	// Stylesheet and Icon are the paths of the portal's style sheet and of its
	// icon, an SVG, on the issuer's host; "" is none.
	Stylesheet, Icon string
	// Now is the time at which codes and tokens are made and end. It must be set.
	Now func() time.Time
}

// Issuer is the demo's issuer. It serves everything under the path of its base
// and is safe for concurrent use.
type Issuer struct {
	options Options
	base    *url.URL
	people  map[string]Person
	key     jose.SigningKey
	keys    jose.JSONWebKeySet
	policy  string // the content security policy
	handler http.Handler

	mu     sync.Mutex
	grants map[string]grant // by code
}

// grant is what a code stands for.
type grant struct {
	personID, nonce, challenge string
	until                      time.Time
}

// codeLife is how long a code can be redeemed.
const codeLifetime = time.Minute

// New makes an issuer with a fresh key. It fails where the options are
// incomplete, where two people share an id, and where the base is not on a
// loopback address.
func New(o Options) (*Issuer, error) {
	base, err := url.Parse(o.Base)
	if err != nil || base.Host == "" || (base.Scheme != "http" && base.Scheme != "https") || strings.HasSuffix(o.Base, "/") {
		return nil, fmt.Errorf("demo issuer: base %q is no http URL without a slash at its end", o.Base)
	}
	if !loopback.Host(base.Hostname()) {
		return nil, fmt.Errorf("demo issuer: %s is no loopback address; anyone can sign in as anyone here, so it listens on 127.0.0.1, ::1 or localhost alone", base.Hostname())
	}
	portal, err := url.Parse(o.Portal)
	if err != nil || portal.Host == "" || portal.Path != "" || o.ClientID == "" {
		return nil, errors.New("demo issuer: it needs a client id, and a portal URL without a path")
	}
	i := &Issuer{options: o, base: base, people: make(map[string]Person, len(o.People)), grants: map[string]grant{}}
	for _, p := range o.People {
		if _, twice := i.people[p.ID]; twice || p.ID == "" {
			return nil, fmt.Errorf("demo issuer: the person id %q is blank or stands twice", p.ID)
		}
		i.people[p.ID] = p
	}
	// Browsers hold the redirect that answers a form to form-action too.
	i.policy = "default-src 'none'; style-src 'self'; font-src 'self'; img-src 'self'; form-action 'self' " +
		portal.Scheme + "://" + portal.Host + "; frame-ancestors 'none'; base-uri 'none'"
	if err := i.makeKey(); err != nil {
		return nil, err
	}
	i.handler = http.NewCrossOriginProtection().Handler(i.routes())
	return i, nil
}

func (i *Issuer) makeKey() error {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("demo issuer: make a key: %w", err)
	}
	public := jose.JSONWebKey{Key: private.Public(), Algorithm: string(jose.ES256), Use: "sig"}
	point, err := private.PublicKey.Bytes()
	if err != nil {
		return fmt.Errorf("demo issuer: name the key: %w", err)
	}
	// A name of its own, so that nobody tries an earlier process's key.
	sum := sha256.Sum256(point)
	public.KeyID = hex.EncodeToString(sum[:8])
	i.keys = jose.JSONWebKeySet{Keys: []jose.JSONWebKey{public}}
	i.key = jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: private, KeyID: public.KeyID}}
	return nil
}

func (i *Issuer) routes() *http.ServeMux {
	path := i.base.Path
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+path+"/.well-known/openid-configuration", i.discovery)
	mux.HandleFunc("GET "+path+"/jwks", i.jwks)
	mux.HandleFunc("GET "+path+"/authorize", i.authorize)
	mux.HandleFunc("POST "+path+"/authorize", i.choose)
	mux.HandleFunc("POST "+path+"/token", i.token)
	mux.HandleFunc(path+"/end-session", i.endSession)
	return mux
}

// largestForm is how much of a form is read, in bytes.
const maxForm = 16 << 10

// ServeHTTP answers requests under the base's path; any other is not found.
func (i *Issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// A page elsewhere whose name was turned to this address stays out.
	if r.Host != i.base.Host {
		http.Error(w, "The demo's issuer answers at "+i.options.Base+" alone.", http.StatusMisdirectedRequest)
		return
	}
	h := w.Header()
	h.Set("Content-Security-Policy", i.policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	i.handler.ServeHTTP(w, r)
}

func (i *Issuer) callback() string  { return i.options.Portal + "/sign-in/callback" }
func (i *Issuer) signedOut() string { return i.options.Portal + "/signed-out" }
