package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Where the pages are, if nothing else is asked for and nobody else is there.
const (
	defaultUIHost    = "127.0.0.1"
	defaultUIPort    = "8420"
	defaultUIAddress = defaultUIHost + ":" + defaultUIPort
)

// listenUI takes an address; if its port was not asked for and is taken, as by
// another of these servers, any free one.
func listenUI(ctx context.Context, address string, given bool) (net.Listener, error) {
	host, port, err := hostAndPort(address)
	if err != nil {
		return nil, err
	}
	given = given && port != ""
	if port == "" {
		port = defaultUIPort
	}
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", net.JoinHostPort(host, port))
	if errors.Is(err, syscall.EADDRINUSE) {
		if given {
			return nil, fmt.Errorf("something else listens on %s: name another port, or 0 for any that is free", net.JoinHostPort(host, port))
		}
		l, err = config.Listen(ctx, "tcp", net.JoinHostPort(host, "0"))
	}
	if err != nil {
		return nil, fmt.Errorf("listening on %s: %w", clean(net.JoinHostPort(host, port)), err)
	}
	return l, nil
}

// hostAndPort reads HOST:PORT, PORT, :PORT (all addresses of this machine) and
// HOST, without a port.
func hostAndPort(address string) (host, port string, err error) {
	refused := usagef("--address %s: write it like 127.0.0.1:8420, 8420, :8420 or localhost", clean(address))
	if _, number := strconv.ParseUint(address, 10, 64); number == nil {
		address = net.JoinHostPort(defaultUIHost, address)
	}
	bare := strings.TrimSuffix(strings.TrimPrefix(address, "["), "]")
	if ip, notIP := netip.ParseAddr(bare); notIP == nil {
		return ip.String(), "", nil
	}
	host, port, err = net.SplitHostPort(address)
	if err != nil {
		host, port = address, ""
		if address == "" || strings.Contains(address, ":") {
			return "", "", refused
		}
	} else if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return "", "", refused
	}
	if strings.ContainsAny(host, "/?# @") {
		return "", "", refused
	}
	return host, port, nil
}

// local tells whether only this machine reaches an address.
func local(a net.Addr) bool {
	tcp, ok := a.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

// reachable are the addresses of the pages that can be opened: by which others
// reach them, if they do, then by which this machine does.
func reachable(ctx context.Context, listening net.Addr, path, token string) []string {
	var hosts []string
	tcp, ok := listening.(*net.TCPAddr)
	if ok && tcp.IP.IsUnspecified() { // which leads nowhere in a browser
		hosts = answering(ctx, strconv.Itoa(tcp.Port), outward(ctx), defaultUIHost, "::1")
	}
	if len(hosts) == 0 {
		hosts = []string{listening.String()}
	}
	places := make([]string, len(hosts))
	for i, host := range hosts {
		places[i] = (&url.URL{Scheme: "http", Host: host}).String() + path
		if token != "" {
			places[i] += "?" + url.Values{"token": {token}}.Encode()
		}
	}
	return places
}

// outward is this machine's address on the way to others, "" if there is none.
// Nothing is sent: the address is one of documentation, of which only the route
// is asked.
func outward(ctx context.Context) string {
	for _, documentation := range []string{"192.0.2.1:9", "[2001:db8::1]:9"} {
		var dialer net.Dialer
		c, err := dialer.DialContext(ctx, "udp", documentation)
		if err != nil {
			continue
		}
		c.Close()
		if udp, ok := c.LocalAddr().(*net.UDPAddr); ok && !udp.IP.IsLoopback() {
			return udp.IP.String()
		}
	}
	return ""
}

// answering are those of some addresses of this machine at which something
// listens on a port: the first for others, and the first for this machine.
func answering(ctx context.Context, port string, addresses ...string) []string {
	var found []string
	loopback := false
	dialer := net.Dialer{Timeout: time.Second}
	for _, address := range addresses {
		ip, err := netip.ParseAddr(address)
		if err != nil || loopback && ip.IsLoopback() {
			continue
		}
		c, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(address, port))
		if err != nil {
			continue
		}
		c.Close()
		found = append(found, net.JoinHostPort(address, port))
		loopback = loopback || ip.IsLoopback()
	}
	return found
}
