// Package storetest takes a database engine and fails a test for every promise of the store contract that the engine's
// driver does not keep.
//
// A driver has one test that calls Run. What only one engine can show, such as what a crash of the process leaves, is
// tested beside its driver.
package storetest
