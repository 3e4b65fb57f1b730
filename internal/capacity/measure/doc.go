// Package measure takes an empty folder, and gives back what single operations cost on this machine: CPU in ES256
// verifications, bytes on disk, in the write-ahead log and in memory.
//
// It works rooms and stores in this process, one after the other, and reads CPU clocks, so that what else the machine does
// matters little. What a whole request costs is for package bench to say, which sends requests to a real server.
package measure
