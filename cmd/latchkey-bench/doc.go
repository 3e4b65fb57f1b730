// Command latchkey-bench takes a latchkey program and says what it costs beside the least that any server could do: CPU
// per request, latency, memory and start-up, as a table or as JSON.
//
// It starts real processes on 127.0.0.1 and works them for several minutes. Nothing is left when it ends.
package main
