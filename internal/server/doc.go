// Package server puts the rooms together: a configuration and a store go in, an http.Handler comes out that answers
// every route, keeps one record of each request, and counts.
//
// It is the only room that knows all the others, and it knows no database driver.
package server
