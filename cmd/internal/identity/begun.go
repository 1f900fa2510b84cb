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

// begun keeps sign-ins that have begun, in the browser that began them: a
// cookie that nobody else can read or make, so that beginning costs the server
// nothing.
type begun struct {
	box   cipher.AEAD
	spent *spent
}

// attempt is what has to be known of a begun sign-in at its callback.
type attempt struct {
	State, Nonce, Verifier, ReturnTo string
	Until                            time.Time
}

// begunLife is how long a person may take at the issuer.
const begunLife = 10 * time.Minute

// begunCookie goes to the paths of the sign-in alone.
const (
	begunCookie = "bookledger-sign-in"
	begunPath   = "/sign-in"
)

func newBegun() (begun, error) {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // it never fails
	block, err := aes.NewCipher(key)
	if err != nil {
		return begun{}, fmt.Errorf("sign-in: make a key for its cookie: %w", err)
	}
	box, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return begun{}, fmt.Errorf("sign-in: make a key for its cookie: %w", err)
	}
	return begun{box, &spent{states: map[string]time.Time{}}}, nil
}

func (b begun) put(w http.ResponseWriter, a attempt) error {
	plain, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("sign-in: keep what was begun: %w", err)
	}
	b.set(w, base64.RawURLEncoding.EncodeToString(b.box.Seal(nil, nil, plain, []byte(begunCookie))), int(begunLife/time.Second))
	return nil
}

func (b begun) clear(w http.ResponseWriter) { b.set(w, "", -1) }

func (b begun) set(w http.ResponseWriter, value string, age int) {
	http.SetCookie(w, &http.Cookie{
		Name: begunCookie, Value: value, Path: begunPath, MaxAge: age,
		Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

// get returns what the browser has begun, unless it was too long ago.
func (b begun) get(r *http.Request) (attempt, bool) {
	cookie, err := r.Cookie(begunCookie)
	if err != nil {
		return attempt{}, false
	}
	sealed, err := base64.RawURLEncoding.DecodeString(cookie.Value)
	if err != nil {
		return attempt{}, false
	}
	plain, err := b.box.Open(nil, nil, sealed, []byte(begunCookie))
	if err != nil {
		return attempt{}, false
	}
	var a attempt
	if json.Unmarshal(plain, &a) != nil || !time.Now().Before(a.Until) {
		return attempt{}, false
	}
	return a, true
}

// spent are the states of finished sign-ins, for as long as their cookie could
// be shown again. It holds no more than people have signed in within ten
// minutes and callbacks are being answered.
type spent struct {
	mu     sync.Mutex
	states map[string]time.Time // until when
}

// take returns false where the state has been taken before.
func (s *spent) take(a attempt) bool {
	now := time.Now()
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
func (s *spent) release(a attempt) {
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
