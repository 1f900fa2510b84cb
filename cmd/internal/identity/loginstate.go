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
	aead cipher.AEAD
	now  func() time.Time

	mu sync.Mutex
	// used are the states of finished sign-ins, each until its cookie could not
	// be shown again. They are no more than people have signed in within ten
	// minutes and callbacks are being answered.
	used map[string]time.Time
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

func newLoginStates(now func() time.Time) (*loginStates, error) {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // it never fails
	b := &loginStates{now: now, used: map[string]time.Time{}}
	block, err := aes.NewCipher(key)
	if err == nil {
		b.aead, err = cipher.NewGCMWithRandomNonce(block)
	}
	if err != nil {
		return nil, fmt.Errorf("sign-in: make a key for its cookie: %w", err)
	}
	return b, nil
}

func (b *loginStates) put(w http.ResponseWriter, a loginState) error {
	plain, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("sign-in: keep what was begun: %w", err)
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

// get returns what the browser has begun, unless it was too long ago.
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

// take returns false where the state has been taken before.
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

// forget forgets a state that led to no sign-in: the issuer has not taken its
// code, and will not take it later.
func (b *loginStates) forget(a loginState) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.used, a.State)
}

// maxReturnPath is how long a path to return to may be, in bytes: the cookie
// has to hold it, and browsers keep cookies of 4 KiB.
const maxReturnPath = 1024

// localPath returns a path of the portal itself, or "/" for anything else.
// Browsers read a backslash as a slash, and leave out tabs and line ends.
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
