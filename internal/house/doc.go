// Package house is the rules of the house as tests: every room has a first sentence, imports only the rooms it may, and
// keeps the habits that a reader relies on. There is no code in it.
package house
