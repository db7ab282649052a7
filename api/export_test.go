package api

import "github.com/labstack/echo/v4"

// Routes lets the tests walk what is served.
func (s *Server) Routes() []*echo.Route { return s.echo.Routes() }

// Told returns the newest events.
func (s *Server) Told() []Event {
	list, _, _, _ := s.events.after(0)
	return list
}
