module github.com/latchkey-id/latchkey/test/clients

go 1.26.0
