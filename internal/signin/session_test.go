package signin

import (
	"testing"
	"time"
)

var (
	begin   = time.Date(2026, 11, 21, 20, 30, 15, 0, time.UTC)
	someone = Principal{Account: "111122223333", Role: "Developer", RoleID: "AROA234567ABCDEFGHIJ", Person: "alice", PersonID: "AIDA234567ABCDEFGHIJ"}
)

// A session of 12 h has steps of 300 s; their credentials live 900 s, or to the session's end.
func TestStepsAtTheirEdges(t *testing.T) {
	l := DefaultLifetimes()
	s := Begin(Authorization{Principal: someone}, Thumbprint{}, begin, l)
	for _, tt := range []struct {
		after time.Duration // since the start
		step  int64
		left  time.Duration // until the credentials of that step expire
	}{
		{-time.Hour, 0, 15*time.Minute + time.Hour}, // a clock that is behind
		{-time.Nanosecond, 0, 15*time.Minute + time.Nanosecond},
		{0, 0, 15 * time.Minute},
		{5*time.Minute - time.Nanosecond, 0, 10*time.Minute + time.Nanosecond},
		{5 * time.Minute, 1, 15 * time.Minute},
		{10*time.Minute - time.Nanosecond, 1, 10*time.Minute + time.Nanosecond},
		{11*time.Hour + 45*time.Minute - time.Nanosecond, 140, 10*time.Minute + time.Nanosecond},
		{11*time.Hour + 45*time.Minute, 141, 15 * time.Minute}, // ends exactly with the session
		{11*time.Hour + 50*time.Minute, 142, 10 * time.Minute},
		{11*time.Hour + 55*time.Minute, 143, 5 * time.Minute},
		{12*time.Hour - time.Second, 143, time.Second},
		{12 * time.Hour, 144, 0},
		{13 * time.Hour, 156, -time.Hour},
	} {
		now := begin.Add(tt.after)
		step := s.StepAt(now, l)
		if step != tt.step {
			t.Errorf("StepAt(start+%v) = %d, want %d", tt.after, step, tt.step)
		}
		if left := s.StepExpiry(step, l).Sub(now); left != tt.left {
			t.Errorf("at start+%v, StepExpiry(%d) is in %v, want %v", tt.after, step, left, tt.left)
		}
		if start := s.StepStart(step, l); tt.after >= 0 && (start.After(now) || now.Sub(start) >= l.Step) {
			t.Errorf("at start+%v, StepStart(%d) = start+%v", tt.after, step, start.Sub(begin))
		}
	}
}

// The time of the proof decides, so that nodes that answer one request at different times give one answer.
func TestRequestIsAnsweredForTheStepOfItsProof(t *testing.T) {
	short := DefaultLifetimes()
	short.Step, short.Credentials = 10*time.Second, 30*time.Second
	for _, tt := range []struct {
		l         Lifetimes
		made, now time.Duration // since the start
		want      int64
	}{
		{DefaultLifetimes(), 299 * time.Second, 299 * time.Second, 0},
		{DefaultLifetimes(), 299 * time.Second, 301 * time.Second, 0},
		{DefaultLifetimes(), 299 * time.Second, 599 * time.Second, 0}, // as late as it is accepted
		{DefaultLifetimes(), 300 * time.Second, 599 * time.Second, 1},
		{DefaultLifetimes(), 900 * time.Second, 601 * time.Second, 3}, // a clock that is ahead, or a node's that is behind
		{DefaultLifetimes(), -time.Hour, 0, 0},
		// Where lifetimes are so short that the answer would be over, an old proof gets a later one.
		{short, 0, 9 * time.Second, 0}, {short, 0, 20 * time.Second, 1}, {short, 0, 300 * time.Second, 29},
	} {
		s := Begin(Authorization{Principal: someone}, Thumbprint{}, begin, tt.l)
		got := s.StepFor(begin.Add(tt.made), begin.Add(tt.now), tt.l)
		if got != tt.want {
			t.Errorf("StepFor(made start+%v, now start+%v) = %d, want %d", tt.made, tt.now, got, tt.want)
		}
		// The client is told to come again when five minutes are left; what it gets must last longer.
		if left := s.StepExpiry(got, tt.l).Sub(begin.Add(tt.now)); tt.l.Step == 5*time.Minute && left <= 5*time.Minute {
			t.Errorf("a proof of start+%v gets credentials with %v left at start+%v", tt.made, left, tt.now)
		}
	}
}

// An operator who shortens sessions means those under way too; whoever lengthens them, only new ones.
func TestSessionEndsAtTheShorterOfTwoLifetimes(t *testing.T) {
	began := DefaultLifetimes()
	s := Begin(Authorization{Principal: someone}, Thumbprint{}, begin, began)
	for now, want := range map[time.Duration]time.Duration{
		12 * time.Hour: 12 * time.Hour, time.Hour: time.Hour, 24 * time.Hour: 12 * time.Hour, 10 * time.Minute: 10 * time.Minute,
	} {
		l := began
		l.Session = now
		if got := s.EndsAt(l).Sub(begin); got != want {
			t.Errorf("EndsAt, begun for 12h, when sessions last %v = %v, want %v", now, got, want)
		}
		if got := s.StepExpiry(1<<20, l).Sub(begin); got != want {
			t.Errorf("StepExpiry of a late step, when sessions last %v = %v, want %v", now, got, want)
		}
		if got := s.StepExpiry(0, l).Sub(begin); got != min(want, l.Credentials) {
			t.Errorf("StepExpiry(0), when sessions last %v = %v, want %v", now, got, min(want, l.Credentials))
		}
	}
}

func TestSessionBeginsAtTheSecondOfRedemption(t *testing.T) {
	l := DefaultLifetimes()
	a := Authorization{
		ID: NewSessionID(begin), ClientID: SameDevice, Principal: someone, AuthTime: begin.Add(-time.Hour), Issued: begin, Methods: "pwd",
	}
	key := Thumbprint{1, 2, 3}
	got := Begin(a, key, begin.Add(1999*time.Millisecond), l)
	want := Session{
		ID: a.ID, ClientID: SameDevice, Principal: someone, Key: key, AuthTime: a.AuthTime, Issued: begin,
		Start: begin.Add(time.Second), End: begin.Add(12*time.Hour + time.Second), Methods: "pwd",
	}
	if got != want {
		t.Errorf("Begin = %+v, want %+v", got, want)
	}
}

func TestCodesLiveLongerWhenAPersonCarriesThem(t *testing.T) {
	l := DefaultLifetimes()
	for id, want := range map[string]time.Duration{
		SameDevice: 5 * time.Minute, CrossDevice: 10 * time.Minute, ConfidentialPrefix + "app": 5 * time.Minute,
	} {
		if got := l.Code(id); got != want {
			t.Errorf("Code(%s) = %v, want %v", id, got, want)
		}
	}
}

// Clients name their cache file after the ARN, and read it with patterns.
func TestNamesOfPrincipalsAndSessions(t *testing.T) {
	id, err := ParseSessionID("019aa81a-3ff3-7abc-8def-0123456789ab")
	if err != nil {
		t.Fatal(err)
	}
	for got, want := range map[string]string{
		someone.ARN():    "arn:aws:sts::111122223333:assumed-role/Developer/alice",
		someone.UserID(): "AROA234567ABCDEFGHIJ:alice",
		Session{ID: id, Principal: someone}.ARN("eu-central-1"): "arn:aws:signin:eu-central-1:111122223333:session/019aa81a-3ff3-7abc-8def-0123456789ab",
		sameDevice.Resource("us-east-1", "111122223333"):        "arn:aws:signin:us-east-1:111122223333:oauth2/public-client/localhost",
		crossDevice.Resource("us-east-1", "111122223333"):       "arn:aws:signin:us-east-1:111122223333:oauth2/public-client/remote",
		app.Resource("us-east-1", "111122223333"):               "arn:aws:signin:us-east-1:111122223333:oauth2/confidential-client/app",
		AssignmentSubject(someone.PersonID, someone.RoleID):     "AIDA234567ABCDEFGHIJ/AROA234567ABCDEFGHIJ",
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
