package identity

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
	"unicode"
)

// loginStates keeps the state of each sign-in in the browser that began it, in a
// cookie that nobody else can read or make: to begin one costs the server nothing.
type loginStates struct {
	box  cipher.AEAD
	used *usedStates
	now  func() time.Time
}

// loginState is what the callback needs to know about the sign-in.
type loginState struct {
	State, Nonce, Verifier, ReturnTo string
	Until                            time.Time
}

// loginLife is how long a person may take at the issuer.
const loginLife = 10 * time.Minute

// loginCookie goes to the paths of the sign-in alone.
const (
	loginCookie = "bookledger-sign-in"
	loginPath   = "/sign-in"
)

func newLoginStates(now func() time.Time) (loginStates, error) {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // it never fails
	block, err := aes.NewCipher(key)
	if err != nil {
		return loginStates{}, fmt.Errorf("sign-in: make a key for its cookie: %w", err)
	}
	box, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return loginStates{}, fmt.Errorf("sign-in: make a key for its cookie: %w", err)
	}
	return loginStates{box, &usedStates{now: now, states: map[string]time.Time{}}, now}, nil
}

func (b loginStates) put(w http.ResponseWriter, a loginState) error {
	plain, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("sign-in: keep what was begun: %w", err)
	}
	b.set(w, base64.RawURLEncoding.EncodeToString(b.box.Seal(nil, nil, plain, []byte(loginCookie))), int(loginLife/time.Second))
	return nil
}

func (b loginStates) clear(w http.ResponseWriter) { b.set(w, "", -1) }

func (b loginStates) set(w http.ResponseWriter, value string, age int) {
	http.SetCookie(w, &http.Cookie{
		Name: loginCookie, Value: value, Path: loginPath, MaxAge: age,
		Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

// get returns what the browser has begun, unless it was too long ago.
func (b loginStates) get(r *http.Request) (loginState, bool) {
	cookie, err := r.Cookie(loginCookie)
	if err != nil {
		return loginState{}, false
	}
	sealed, err := base64.RawURLEncoding.DecodeString(cookie.Value)
	if err != nil {
		return loginState{}, false
	}
	plain, err := b.box.Open(nil, nil, sealed, []byte(loginCookie))
	if err != nil {
		return loginState{}, false
	}
	var a loginState
	if json.Unmarshal(plain, &a) != nil || !b.now().Before(a.Until) {
		return loginState{}, false
	}
	return a, true
}

// usedStates are the states of finished sign-ins, for as long as their cookie could
// be shown again. It holds no more than people have signed in within ten
// minutes and callbacks are being answered.
type usedStates struct {
	now func() time.Time

	mu     sync.Mutex
	states map[string]time.Time // until when
}

// take returns false where the state has been taken before.
func (s *usedStates) take(a loginState) bool {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.states, func(_ string, until time.Time) bool { return now.After(until) })
	if _, taken := s.states[a.State]; taken {
		return false
	}
	s.states[a.State] = a.Until
	return true
}

// release forgets a state that led to no sign-in: the issuer has not taken its
// code, and will not take it later.
func (s *usedStates) release(a loginState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.states, a.State)
}

// longestReturn is how long a path to return to may be, in bytes: the cookie
// has to hold it, and browsers keep cookies of 4 KiB.
const longestReturn = 1024

// local returns a path of the portal itself, or "/" for anything else.
// Browsers read a backslash as a slash, and leave out tabs and line ends.
func local(path string) string {
	if len(path) > longestReturn || !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") ||
		strings.ContainsFunc(path, func(r rune) bool { return r == '\\' || unicode.IsControl(r) }) {
		return "/"
	}
	u, err := url.Parse(path)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil {
		return "/"
	}
	return path
}
