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

// loginStates keeps the state of each sign-in in the browser that started it,
// in an encrypted cookie. Starting a sign-in costs the server no memory.
type loginStates struct {
	aead cipher.AEAD
	now  func() time.Time

	mu sync.Mutex
	// used contains the states of completed sign-ins until their cookies expire:
	// those of the last ten minutes, and of callbacks in progress.
	used map[string]time.Time
}

// loginState is what the callback needs to know about its sign-in.
type loginState struct {
	State, Nonce, Verifier, ReturnTo string
	Until                            time.Time
}

// loginLife is how long a person may take to sign in at the issuer.
const loginLife = 10 * time.Minute

// The browser sends loginCookie only to paths under loginPath.
const (
	loginCookie = "bookledger-sign-in"
	loginPath   = "/sign-in"
)

func newLoginStates(now func() time.Time) (*loginStates, error) {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	b := &loginStates{now: now, used: map[string]time.Time{}}
	block, err := aes.NewCipher(key)
	if err == nil {
		b.aead, err = cipher.NewGCMWithRandomNonce(block)
	}
	if err != nil {
		return nil, fmt.Errorf("sign-in: creating the cookie key: %w", err)
	}
	return b, nil
}

func (b *loginStates) put(w http.ResponseWriter, a loginState) error {
	plain, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("sign-in: encoding the login state: %w", err)
	}
	b.set(w, base64.RawURLEncoding.EncodeToString(b.aead.Seal(nil, nil, plain, []byte(loginCookie))), int(loginLife/time.Second))
	return nil
}

func (b *loginStates) clear(w http.ResponseWriter) { b.set(w, "", -1) }

func (b *loginStates) set(w http.ResponseWriter, value string, age int) {
	http.SetCookie(w, &http.Cookie{
		Name: loginCookie, Value: value, Path: loginPath, MaxAge: age,
		Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

// get returns the sign-in that the browser started, unless it has expired.
func (b *loginStates) get(r *http.Request) (loginState, bool) {
	cookie, err := r.Cookie(loginCookie)
	if err != nil {
		return loginState{}, false
	}
	sealed, err := base64.RawURLEncoding.DecodeString(cookie.Value)
	if err != nil {
		return loginState{}, false
	}
	plain, err := b.aead.Open(nil, nil, sealed, []byte(loginCookie))
	if err != nil {
		return loginState{}, false
	}
	var a loginState
	if json.Unmarshal(plain, &a) != nil || !b.now().Before(a.Until) {
		return loginState{}, false
	}
	return a, true
}

// take marks a state as used. It returns false if the state was already used.
func (b *loginStates) take(a loginState) bool {
	now := b.now()
	b.mu.Lock()
	defer b.mu.Unlock()
	maps.DeleteFunc(b.used, func(_ string, until time.Time) bool { return now.After(until) })
	if _, taken := b.used[a.State]; taken {
		return false
	}
	b.used[a.State] = a.Until
	return true
}

// forget allows a state to be used again. It is called when the issuer did not
// accept the code of the sign-in.
func (b *loginStates) forget(a loginState) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.used, a.State)
}

// maxReturnPath limits the path to return to, in bytes: it is part of the
// cookie, and browsers limit cookies to 4 KiB.
const maxReturnPath = 1024

// localPath returns a path of the portal itself, or "/" for anything else.
// Browsers treat a backslash as a slash and ignore tabs and line breaks.
func localPath(path string) string {
	if len(path) > maxReturnPath || !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") ||
		strings.ContainsFunc(path, func(r rune) bool { return r == '\\' || unicode.IsControl(r) }) {
		return "/"
	}
	u, err := url.Parse(path)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil {
		return "/"
	}
	return path
}
