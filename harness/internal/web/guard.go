package web

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// contentPolicy lets a page load nothing but this server's own files, and run no
// script that stands in the page itself.
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

const tokenCookie = "harness_token"

// guarded lets a request through that was meant for this server, and comes from
// itself or from somebody who has the token.
//
// The Host is checked because a page of another site can make its own name lead
// here (DNS rebinding), and then the browser takes it for the same site. Writes
// that a browser sends on behalf of another site are refused by what it says of
// their origin.
func (s *Server) guarded(listening net.Addr, next http.Handler) http.Handler {
	origins := http.NewCrossOriginProtection()
	origins.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, http.StatusForbidden, "this request comes from another site")
	}))
	next = origins.Handler(next)
	hosts := s.hosts(listening)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", contentPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		switch {
		case !hosts.allow(r.Host):
			refuse(w, http.StatusMisdirectedRequest, "this server does not go by the name "+r.Host+": harness ui --host "+hostOnly(r.Host)+" allows it")
		case s.Token != "" && s.introduced(w, r):
			http.Redirect(w, r, withoutToken(r.URL), http.StatusSeeOther)
		case s.Token != "" && !s.known(r):
			refuse(w, http.StatusUnauthorized, "this server wants the token that harness ui printed when it started: open the address with ?token=")
		default:
			next.ServeHTTP(w, r)
		}
	})
}

func refuse(w http.ResponseWriter, code int, reason string) {
	w.Header().Set("Cache-Control", "no-store")
	http.Error(w, reason, code)
}

// introduced puts a token of the address in a cookie. In the address it would be
// seen, kept and passed on.
func (s *Server) introduced(w http.ResponseWriter, r *http.Request) bool {
	given := r.URL.Query().Get("token")
	if r.Method != http.MethodGet || given == "" || !same(given, s.Token) {
		return false
	}
	http.SetCookie(w, &http.Cookie{Name: tokenCookie, Value: s.Token, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode})
	return true
}

func withoutToken(u *url.URL) string {
	query := u.Query()
	query.Del("token")
	return local((&url.URL{Path: u.Path, RawQuery: query.Encode()}).String())
}

func (s *Server) known(r *http.Request) bool {
	cookie, err := r.Cookie(tokenCookie)
	return err == nil && same(cookie.Value, s.Token)
}

// same compares in a time that says nothing about the token.
func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// hostNames are the names that a server answers to, without ports. Addresses are
// always answered to: nobody's name leads to them.
type hostNames []string

func (s *Server) hosts(listening net.Addr) hostNames {
	names := hostNames{"localhost"}
	for _, h := range append([]string{listening.String()}, s.Hosts...) {
		names = append(names, strings.ToLower(hostOnly(h)))
	}
	return names
}

func (n hostNames) allow(host string) bool {
	name := strings.ToLower(strings.TrimSuffix(hostOnly(host), "."))
	if _, err := netip.ParseAddr(strings.Trim(name, "[]")); err == nil {
		return true
	}
	return slices.Contains(n, name)
}

func hostOnly(hostport string) string {
	if host, _, err := net.SplitHostPort(hostport); err == nil {
		return host
	}
	return hostport
}
