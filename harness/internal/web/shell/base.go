package shell

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"unicode"
)

// ParseBasePath reads what stands before the addresses of all pages, where a
// proxy shows them under a path of its own: "/user/x/proxy/8900". It gives it
// as it stands in an address, escaped as it was given, without a slash at the end; "" for "/".
//
// A path that begins like those of the pages is refused: whether the proxy has
// taken it off could not be told.
func ParseBasePath(text string) (string, error) {
	const example = "write it like /user/x/proxy/8900"
	u, err := url.Parse(text)
	switch {
	case !strings.HasPrefix(text, "/") || strings.HasPrefix(text, "//"):
		return "", fmt.Errorf("%q is no path that begins with one slash: %s", text, example)
	case err != nil || u.RawQuery != "" || u.Fragment != "" || strings.ContainsAny(text, `?#\`) ||
		strings.ContainsFunc(u.Path, unicode.IsControl):
		return "", fmt.Errorf("%q is not a path alone: %s", text, example)
	case strings.Contains(strings.ToLower(text), "%2f"):
		return "", fmt.Errorf("%q holds an escaped slash: %s", text, example)
	}
	segments := strings.Split(strings.Trim(u.Path, "/"), "/")
	if len(segments) == 1 && segments[0] == "" {
		return "", nil
	}
	for _, s := range segments {
		if s == "" || s == "." || s == ".." {
			return "", fmt.Errorf("%q has an empty part or dots for one: %s", text, example)
		}
	}
	if slices.Contains(pageRoots, segments[0]) {
		return "", fmt.Errorf("%q begins like the pages' own addresses (/%s/): let the proxy show them under another path", text, segments[0])
	}
	return "/" + strings.Trim(u.EscapedPath(), "/"), nil
}

// pageRoots begin the addresses of pages, see routes.
var pageRoots = []string{"runs", "pictures", "compare", "sweeps", "live", "assets"}

// forwardedPrefix is the base path that a proxy names: each of several has added
// its own.
func forwardedPrefix(h http.Header) (string, error) {
	var whole strings.Builder
	for part := range strings.SplitSeq(strings.Join(h.Values("X-Forwarded-Prefix"), ","), ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		if !strings.HasPrefix(part, "/") || strings.HasPrefix(part, "//") {
			return "", fmt.Errorf("X-Forwarded-Prefix: %q is no path that begins with one slash", part)
		}
		whole.WriteString(strings.TrimRight(part, "/"))
	}
	if whole.Len() == 0 {
		return "", nil
	}
	base, err := ParseBasePath(whole.String())
	if err != nil {
		return "", fmt.Errorf("X-Forwarded-Prefix: %w", err)
	}
	return base, nil
}

// forwardedFirst is what the outermost of several proxies says.
func forwardedFirst(h http.Header, name string) string {
	first, _, _ := strings.Cut(h.Get(name), ",")
	return strings.TrimSpace(first)
}

type baseKey struct{}

// BaseOf is what stands before the addresses in the answer to a request.
func BaseOf(r *http.Request) string {
	base, _ := r.Context().Value(baseKey{}).(string)
	return base
}

// based gives requests the paths that the pages have by themselves. A proxy may
// have taken the base path off, or not.
func (s *Server) based(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		base := s.BasePath
		if s.ProxyHeaders {
			forwarded, err := forwardedPrefix(r.Header)
			if err != nil {
				refuse(w, http.StatusBadRequest, err.Error())
				return
			}
			if forwarded != "" {
				base = forwarded
			}
		}
		inner := r.WithContext(context.WithValue(r.Context(), baseKey{}, base))
		inner.URL = within(r.URL, base)
		if clean := cleaned(inner.URL.Path); clean != inner.URL.Path {
			// The mux would lead to an address without the base path.
			http.Redirect(w, r, base+(&url.URL{Path: clean, RawQuery: r.URL.RawQuery}).String(), http.StatusTemporaryRedirect)
			return
		}
		next.ServeHTTP(w, inner)
	})
}

// within is an address without the base path, if it has it.
func within(u *url.URL, base string) *url.URL {
	inner := *u
	if base == "" {
		return &inner
	}
	decoded, err := url.PathUnescape(base)
	if err != nil {
		return &inner
	}
	rest, ok := strings.CutPrefix(u.Path, decoded)
	if !ok || rest != "" && rest[0] != '/' {
		return &inner
	}
	inner.Path = rest
	for range strings.Count(decoded, "/") {
		_, inner.RawPath, _ = strings.Cut(strings.TrimPrefix(inner.RawPath, "/"), "/")
		inner.RawPath = "/" + inner.RawPath
	}
	return &inner
}

// cleaned is a path without empty parts and dots, as [http.ServeMux] wants it.
func cleaned(p string) string {
	clean := path.Clean("/" + p)
	if strings.HasSuffix(p, "/") && clean != "/" {
		clean += "/"
	}
	return clean
}
