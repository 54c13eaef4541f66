package shell

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
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

// guarded lets a request through that was meant for this server, and comes from
// itself or from somebody who has the token.
//
// The Host is checked because a page of another site can make its own name lead
// here (DNS rebinding), and then the browser takes it for the same site. Writes
// that a browser sends on behalf of another site are refused by what it says of
// their origin.
func (s *Server) guarded(listening net.Addr, next http.Handler) http.Handler {
	hosts := s.hosts(listening)
	next = s.based(s.tokened(portOf(listening.String()), sameOrigin(next)))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", contentPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		names := []string{r.Host}
		if forwarded := forwardedFirst(r.Header, "X-Forwarded-Host"); s.ProxyHeaders && forwarded != "" {
			names = append(names, forwarded)
		}
		for _, name := range names {
			if !hosts.allow(name) {
				refuse(w, http.StatusMisdirectedRequest, "this server does not go by the name "+name+": harness ui --host "+hostOnly(name)+" allows it")
				return
			}
		}
		r.Host = names[len(names)-1] // which the browser knows
		next.ServeHTTP(w, r)
	})
}

// sameOrigin refuses writes that a browser sends on behalf of another site.
func sameOrigin(next http.Handler) http.Handler {
	origins := http.NewCrossOriginProtection()
	origins.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		refuse(w, http.StatusForbidden, fmt.Sprintf("this request comes from another site (%s, and this is %s); "+
			"a proxy between them has to pass the Host on, or X-Forwarded-Host with harness ui --proxy-headers", orText(r.Header.Get("Origin"),
			"unnamed"), r.Host))
	}))
	return origins.Handler(next)
}

func orText(text, other string) string {
	if text == "" {
		return other
	}
	return text
}

// tokened lets through who has the token. port is that which is listened on.
func (s *Server) tokened(port string, next http.Handler) http.Handler {
	if s.Token == "" {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		cookie := tokenCookie(r, port)
		switch {
		case s.introduced(w, r, cookie):
			http.Redirect(w, r, BaseOf(r)+withoutToken(r.URL), http.StatusSeeOther)
		case s.known(r, cookie):
			next.ServeHTTP(w, r)
		default:
			w.Header().Set("WWW-Authenticate", "Bearer")
			refuse(w, http.StatusUnauthorized, "this server wants the token that harness ui printed when it started: "+
				"open the address with ?token=, or send it as Authorization: Bearer")
		}
	})
}

// tokenCookie is the name of the cookie that holds the token. Browsers do not
// tell the ports of a host apart: the name does, by the port that the browser
// asks for, which a forwarded one of this machine need not be.
func tokenCookie(r *http.Request, listening string) string {
	return "harness_token_" + orText(portOf(r.Host), listening)
}

func portOf(hostport string) string {
	if _, port, err := net.SplitHostPort(hostport); err == nil {
		return port
	}
	return ""
}

func refuse(w http.ResponseWriter, code int, reason string) {
	w.Header().Set("Cache-Control", "no-store")
	http.Error(w, reason, code)
}

// introduced puts a token of the address in a cookie. In the address it would be
// seen, kept and passed on.
func (s *Server) introduced(w http.ResponseWriter, r *http.Request, cookie string) bool {
	given := r.URL.Query().Get("token")
	if r.Method != http.MethodGet || given == "" || !same(given, s.Token) {
		return false
	}
	http.SetCookie(w, &http.Cookie{Name: cookie, Value: s.Token, Path: BaseOf(r) + "/", HttpOnly: true, SameSite: http.SameSiteStrictMode,
		Secure: s.ProxyHeaders && forwardedFirst(r.Header, "X-Forwarded-Proto") == "https"})
	return true
}

func withoutToken(u *url.URL) string {
	query := u.Query()
	query.Del("token")
	return local((&url.URL{Path: u.Path, RawQuery: query.Encode()}).String())
}

// known tells whether a request has the token, in the cookie or, from a program,
// in a header of its own.
func (s *Server) known(r *http.Request, name string) bool {
	if scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " "); strings.EqualFold(scheme, "Bearer") &&
		same(strings.TrimSpace(token), s.Token) {
		return true
	}
	cookie, err := r.Cookie(name)
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
