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

// Person is a made-up person, with the role and agency that the sign-in page shows.
type Person struct {
	access.Person
	Role     string // "agent", "manager", "admin_l1", "admin_l2", "auditor" or "operator"
	AgencyID string // or ""
}

// Options configures an Issuer. Stylesheet and Icon are optional.
type Options struct {
	// Base is the URL of the issuer, such as http://127.0.0.1:8080/issuer, without
	// a trailing slash. Its host must be a loopback address or localhost.
	Base string
	// ClientID is the only client that may request tokens.
	ClientID string
	// Portal is the URL of the client, without a trailing slash. The redirect URI
	// is Portal + "/sign-in/callback". After signing out, browsers are redirected
	// to Portal + "/signed-out".
	Portal string
	// People are the choices on the sign-in page, in this order.
	People []Person
	// Stylesheet and Icon are the paths of the portal's style sheet and SVG icon on
	// the issuer's host, or "".
	Stylesheet, Icon string
	// Now returns the current time, for the lifetimes of codes and tokens.
	Now func() time.Time
}

// Issuer is the OpenID issuer of the demo. It serves all paths under that of its base
// URL, and is safe for concurrent use.
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

// grant is the sign-in that a code was issued for.
type grant struct {
	personID, nonce, challenge string
	until                      time.Time
}

// codeLifetime is the time in which a code can be redeemed.
const codeLifetime = time.Minute

// New returns an issuer with a new key. It fails if the options are incomplete, if
// two people have the same ID, or if the base URL is not on a loopback address.
func New(o Options) (*Issuer, error) {
	base, err := url.Parse(o.Base)
	if err != nil || base.Host == "" || (base.Scheme != "http" && base.Scheme != "https") || strings.HasSuffix(o.Base, "/") {
		return nil, fmt.Errorf("demo issuer: base %q: use an http URL without a trailing slash", o.Base)
	}
	if !loopback.Host(base.Hostname()) {
		return nil, fmt.Errorf("demo issuer: %s is not a loopback address: sign-in needs no password, so use 127.0.0.1, ::1 or localhost", base.Hostname())
	}
	portal, err := url.Parse(o.Portal)
	if err != nil || portal.Host == "" || portal.Path != "" || o.ClientID == "" {
		return nil, errors.New("demo issuer: a client id and a portal URL without a path are required")
	}
	i := &Issuer{options: o, base: base, people: make(map[string]Person, len(o.People)), grants: map[string]grant{}}
	for _, p := range o.People {
		if _, twice := i.people[p.ID]; twice || p.ID == "" {
			return nil, fmt.Errorf("demo issuer: person id %q is blank or not unique", p.ID)
		}
		i.people[p.ID] = p
	}
	// Browsers apply form-action also to the redirect after a form is submitted.
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
		return fmt.Errorf("demo issuer: creating a key: %w", err)
	}
	public := jose.JSONWebKey{Key: private.Public(), Algorithm: string(jose.ES256), Use: "sig"}
	point, err := private.PublicKey.Bytes()
	if err != nil {
		return fmt.Errorf("demo issuer: encoding the public key: %w", err)
	}
	// A unique key ID, so that clients do not use a cached key of an earlier process.
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

// maxForm is the maximum size of a form, in bytes.
const maxForm = 16 << 10

// ServeHTTP serves the paths under that of the base URL.
func (i *Issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// Protects against DNS rebinding.
	if r.Host != i.base.Host {
		http.Error(w, "The demo's issuer is available only at "+i.options.Base+".", http.StatusMisdirectedRequest)
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
