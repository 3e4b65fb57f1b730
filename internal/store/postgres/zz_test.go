package postgres
import ("testing";"time";"github.com/latchkey-id/latchkey/internal/pglocal/pgtest")
func TestZZ(t *testing.T){
 pgtest.Shared(t)
 for range 5 { a:=time.Now(); u:=pgtest.Shared(t); b:=time.Now(); s:=open(t,u); c:=time.Now(); s.Close(); d:=time.Now(); s=open(t,u); e:=time.Now(); s.Close(); t.Log("create",b.Sub(a),"open1",c.Sub(b),"close",d.Sub(c),"open2",e.Sub(d)) }
}
