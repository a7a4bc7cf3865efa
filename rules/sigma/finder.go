package sigma

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"strings"
	"unsafe"
)

// finder finds many texts at once inside a folded text. Each word is known by
// one window of four bytes, chosen where few others have theirs and common
// text has none. A bitmap that fits the processor's first cache tells at every
// position whether a window may begin there; only then words are compared.
// Short words, and words whose window too many share, are left to an
// automaton, so the time stays linear in the text.
type finder struct {
	bitmap  []uint64
	bitLog  uint // log2 of the number of bits
	start   []uint32
	rowLog  uint // log2 of the number of rows of start
	entries []gram
	rest    *automaton
	// wide are the words with characters outside ASCII, which text that has
	// none need not be searched for.
	wide *finder
}

// gram is a word's window.
type gram struct {
	key  uint32
	off  uint16 // of the window in the word
	pred int32
	word string
}

const (
	gramSize   = 4
	gramMul    = 2654435761 // Knuth's multiplicative hashing constant
	maxPerGram = 24         // words that share one window
	maxWindows = 96         // windows of a word that are considered
)

// everyday is text that events are full of; its windows tell little.
const everyday = `c:\windows\system32\ c:\windows\syswow64\ c:\program files (x86)\microsoft\ c:\programdata\ c:\users\public\ ` +
	`\appdata\local\temp\ \appdata\roaming\microsoft\windows\ .exe" .dll .exe -  svchost.exe -k powershell.exe cmd.exe /c rundll32.exe ` +
	`\registry\machine\software\microsoft\windows nt\currentversion\ hklm\system\currentcontrolset\services\ http://www. https:// .com/ ` +
	`nt authority\system administrator true false sha256= sha1= md5= imphash= --type= -embedding /embedding 0x00000000 file explorer.exe chrome ` +
	`services.exe winlogon.exe lsass.exe taskhostw.exe runtimebroker.exe searchindexer.exe wbem\wmiprvse.exe -secured dllhost.exe conhost.exe 0xffffffff -forcev1 ` +
	`tasklist mozilla firefox\firefox.exe google\chrome\application\chrome.exe edge\application\msedge.exe microsoft office\root\office16\outlook.exe winword.exe excel.exe ` +
	`onedrive teams.exe windows defender\msmpeng.exe common files\ \windowspowershell\v1.0\ msiexec.exe schtasks.exe net.exe python.exe node.exe java.exe update setup install ` +
	`\downloads\ \documents\ \desktop\ \local\temp\ \roaming\ .txt .log .tmp .ini .dat .pdf .docx .xlsx .json .xml .html .png .sqlite users\user ` +
	`/usr/bin/ /usr/sbin/ /usr/lib/ /usr/local/bin/ /bin/bash /bin/sh -c /etc/ /var/log/ /var/lib/ /home/ /tmp/ /opt/ python3 systemd sshd sudo curl `

var everydayGrams = func() map[string]bool {
	m := map[string]bool{}
	for i := 0; i+gramSize <= len(everyday); i++ {
		m[everyday[i:i+gramSize]] = true
	}
	return m
}()

// rarestWindow returns where the window of text begins that tells most, given
// how many others have theirs there; -1 when text is too short.
func rarestWindow(text string, size int, shared func(string) int) int {
	at, best := -1, 1<<30
	for i := 0; i+size <= len(text) && i < maxWindows; i++ {
		win := text[i : i+size]
		score := 8 * shared(win)
		if everydayGrams[win[:gramSize]] || everydayGrams[win[size-gramSize:]] {
			score += 40
		}
		if strings.Trim(win, "0123456789abcdef") == "" {
			score += 3
		}
		if score < best {
			at, best = i, score
		}
	}
	return at
}

// newFinder returns nil when there are no words. room bounds the table of the
// automaton for what is left over; fitting drops words that exceed it.
func newFinder(words []word, fitting func([]word) []word) *finder {
	if len(words) == 0 {
		return nil
	}
	words = slices.Clone(words)
	slices.SortFunc(words, func(a, b word) int {
		if a.text != b.text {
			return strings.Compare(a.text, b.text)
		}
		return int(a.pred - b.pred)
	})
	words = slices.Compact(words)
	f := &finder{}
	var wide, plain []word
	for _, w := range words {
		if isASCII(w.text) {
			plain = append(plain, w)
		} else {
			wide = append(wide, w)
		}
	}
	if len(plain) > 0 && len(wide) > 0 {
		f.wide = newFinder(wide, fitting)
		words = plain
	}
	shared := map[string]int{}
	var rest []word
	for _, w := range words {
		at := rarestWindow(w.text, gramSize, func(win string) int { return shared[win] })
		if at < 0 || shared[w.text[at:at+gramSize]] >= maxPerGram {
			rest = append(rest, w)
			continue
		}
		win := w.text[at : at+gramSize]
		shared[win]++
		f.entries = append(f.entries, gram{key: binary.LittleEndian.Uint32([]byte(win)), off: uint16(at), pred: w.pred, word: w.text})
	}
	if len(rest) > 0 {
		f.rest = newContains(fitting(rest))
	}
	f.bitLog = uint(max(9, min(18, bits.Len(uint(len(f.entries)*16)))))
	f.rowLog = uint(max(4, min(14, bits.Len(uint(len(f.entries))))))
	f.bitmap = make([]uint64, 1<<f.bitLog/64)
	f.start = make([]uint32, 1<<f.rowLog+1)
	row := func(g gram) uint32 { return g.key * gramMul >> (32 - f.rowLog) }
	slices.SortStableFunc(f.entries, func(a, b gram) int { return int(row(a)) - int(row(b)) })
	for _, g := range f.entries {
		b := g.key * gramMul >> (32 - f.bitLog)
		f.bitmap[b/64] |= 1 << (b % 64)
		f.start[row(g)+1]++
	}
	for i := 1; i < len(f.start); i++ {
		f.start[i] += f.start[i-1]
	}
	return f
}

// search runs f over folded text.
func (e *Engine) search(f *finder, text []byte, s *Scratch) {
	if f.wide != nil && !isASCII(unsafe.String(unsafe.SliceData(text), len(text))) {
		e.search(f.wide, text, s)
	}
	if len(f.entries) > 0 {
		bitmap, shift := f.bitmap, 32-f.bitLog
		for i := 0; i+gramSize <= len(text); i++ {
			h := binary.LittleEndian.Uint32(text[i:]) * gramMul
			b := h >> (shift & 31)
			if bitmap[b/64]&(1<<(b%64)) != 0 {
				e.compare(f, text, i, h, s)
			}
		}
	}
	if a := f.rest; a != nil {
		next, state := a.next, a.width
		for _, c := range text {
			state = next[state+uint32(a.class[c])]
			if state&outBit != 0 {
				e.hit(a.outputs(state), s)
				state &= stateMask
			}
		}
	}
}

// compare looks for the words that have their window at text[i:].
func (e *Engine) compare(f *finder, text []byte, i int, h uint32, s *Scratch) {
	key := binary.LittleEndian.Uint32(text[i:])
	r := h >> (32 - f.rowLog)
	entries := f.entries[f.start[r]:f.start[r+1]]
	for k := range entries {
		g := &entries[k]
		at := i - int(g.off)
		if g.key != key || at < 0 || at+len(g.word) > len(text) || s.marked[g.pred] == s.epoch {
			continue
		}
		if string(text[at:at+len(g.word)]) == g.word {
			e.hit1(g.pred, s)
		}
	}
}

// ends finds which of many texts a folded text begins or ends with. A word is
// known by up to eight bytes at the end that counts.
type ends struct {
	suffix bool
	sizes  []uint8 // lengths of the keys in use
	bloom  [64]uint64
	words  [9]map[uint64][]word // by length of the key
}

func newEnds(words []word, suffix bool) *ends {
	if len(words) == 0 {
		return nil
	}
	e := &ends{suffix: suffix}
	for _, w := range words {
		n := min(8, len(w.text))
		if e.words[n] == nil {
			e.words[n] = map[uint64][]word{}
			e.sizes = append(e.sizes, uint8(n))
		}
		k := e.key([]byte(w.text), n)
		if !slices.Contains(e.words[n][k], w) {
			e.words[n][k] = append(e.words[n][k], w)
		}
		b := endBit(k)
		e.bloom[b/64] |= 1 << (b % 64)
	}
	slices.Sort(e.sizes)
	return e
}

// key packs n bytes at the end of text that counts; n ≤ len(text).
func (e *ends) key(text []byte, n int) uint64 {
	part := text[:n]
	if e.suffix {
		part = text[len(text)-n:]
	}
	if n == 8 {
		return binary.LittleEndian.Uint64(part)
	}
	var k uint64
	for _, c := range part {
		k = k<<8 | uint64(c)
	}
	return k
}

func endBit(k uint64) uint32 { return uint32(k * 0x9E3779B97F4A7C15 >> 52) }

func (e *Engine) matchEnds(x *ends, text []byte, s *Scratch) {
	for _, n := range x.sizes {
		if int(n) > len(text) {
			return
		}
		k := x.key(text, int(n))
		if b := endBit(k); x.bloom[b/64]&(1<<(b%64)) == 0 {
			continue
		}
		for _, w := range x.words[n][k] {
			if len(w.text) > len(text) {
				continue
			}
			part := text[:len(w.text)]
			if x.suffix {
				part = text[len(text)-len(w.text):]
			}
			if string(part) == w.text {
				e.hit1(w.pred, s)
			}
		}
	}
}
