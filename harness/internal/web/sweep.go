package web

import "net/http"

func (s *Server) sweepsPage(w http.ResponseWriter, r *http.Request) error { return errNoPage }
func (s *Server) sweepPage(w http.ResponseWriter, r *http.Request) error { return errNoPage }
