//go:build unix

package incident

import (
	"fmt"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/openmxdr/openmxdr/internal/entity"
	"github.com/openmxdr/openmxdr/internal/signal"
)

// crowdOf makes the i-th signal of a world with the given number of people,
// each of whom has one every five days. Each brings three entities: user,
// session and host.
func crowdOf(i, people int) *signal.Signal {
	p := i % people
	at := time.Duration(float64(i) / float64(people) * float64(5*24*time.Hour))
	names := [...]string{"identity", "email", "saas", "endpoint", "network", "cloud"}
	s := sig(fmt.Sprintf("signal-%024d", i), fmt.Sprintf("rule-%03d", i%211), names[i%6], at,
		user(fmt.Sprintf("person.%07d@corp.example", p)), host(fmt.Sprintf("laptop-%07d", p)),
		entity.Entity{Type: entity.Session, Value: fmt.Sprintf("okta:102%020d", p), Role: entity.Actor},
		ip(fmt.Sprintf("10.%d.%d.%d", i>>16&255, i>>8&255, i&255)))
	s.Severity, s.Risk = 30, 30
	s.Matched = []signal.Match{{Field: "event.action", Value: "user.session.start"}, {Field: "source.ip", Value: "10.1.2.3"}}
	return s
}

// cpu returns the processor time of this process, which other processes on
// the machine do not lengthen.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkSignals measures one signal, flushed by the hundred, in worlds of
// growing size from which old signals leave as new ones come. cpu-ns/op must
// stay flat: at most half as much again from ten thousand to a million
// entities. heap-B/entity × a million is the memory of a million active ones.
func BenchmarkSignals(b *testing.B) {
	for _, entities := range []int{10_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprintf("entities=%d", entities), func(b *testing.B) {
			people := entities / 3
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			e := newEngine(b)
			for i := range people {
				if err := e.Observe(crowdOf(i, people)); err != nil {
					b.Fatal(err)
				}
				if i%100 == 99 {
					e.Flush()
				}
			}
			e.Flush()
			runtime.GC()
			runtime.ReadMemStats(&after)
			held := e.Stats()
			const ahead = 20_000
			signals := make([]*signal.Signal, ahead)
			n := 0
			var used time.Duration
			b.ReportAllocs()
			b.ResetTimer()
			start := cpu()
			for b.Loop() {
				if n%ahead == 0 {
					b.StopTimer()
					used += cpu() - start
					for i := range signals {
						signals[i] = crowdOf(people+n+i, people)
					}
					start = cpu()
					b.StartTimer()
				}
				if err := e.Observe(signals[n%ahead]); err != nil {
					b.Fatal(err)
				}
				if n++; n%100 == 0 {
					e.Flush()
					e.Advance(signals[(n-1)%ahead].Time)
				}
			}
			used += cpu() - start
			if e.Stats().Evicted > 0 {
				b.Error("the world did not fit")
			}
			b.ReportMetric(float64(used.Nanoseconds())/float64(b.N), "cpu-ns/op")
			b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(entities), "heap-B/entity")
			b.ReportMetric(float64(held.Keys), "keys")
		})
	}
}

// BenchmarkLoudRule measures one rule that fires without end about one user,
// flushed by the hundred: the cost must not grow with how often it did.
func BenchmarkLoudRule(b *testing.B) {
	e := newEngine(b)
	n := 0
	start := cpu()
	b.ReportAllocs()
	for b.Loop() {
		if err := e.Observe(sig(fmt.Sprint("s", n), "noisy", "endpoint", time.Duration(n)*100*time.Millisecond, user("ana@corp.example"), host("pc1"))); err != nil {
			b.Fatal(err)
		}
		if n++; n%100 == 0 {
			e.Flush()
		}
	}
	b.ReportMetric(float64((cpu()-start).Nanoseconds())/float64(b.N), "cpu-ns/op")
}

// BenchmarkBusyIncident measures a signal that joins an incident of the given
// size, flushed each time: the cost is that of the component.
func BenchmarkBusyIncident(b *testing.B) {
	for _, size := range []int{10, 100, 1000} {
		b.Run(fmt.Sprintf("signals=%d", size), func(b *testing.B) {
			e := newEngine(b)
			make1 := func(i int) *signal.Signal {
				return sig(fmt.Sprint("s", i), fmt.Sprint("r", i%20), []string{"identity", "email", "saas"}[i%3], time.Duration(i)*time.Second, user("ana@corp.example"))
			}
			for i := range size {
				_ = e.Observe(make1(i))
			}
			e.Flush()
			last := make1(size)
			gone := withdrawal(last)
			b.ReportAllocs()
			for b.Loop() {
				_ = e.Observe(last)
				e.Flush()
				_ = e.Observe(gone)
				e.Flush()
			}
		})
	}
}
