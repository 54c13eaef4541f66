package label

import (
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// hiddenTexts cannot be seen, or change how what is around them is.
var hiddenTexts = []string{
	"a\x00b", "a\x1b[31mb", "a\nb", "a\tb", "a\u0085b", "a\u061cb", "a\u200eb", "a\u200fb", "a\u202eb",
	"a\u2066b", "a\u2069b", "a\u2028b", "a\ufeffb",
	"a\u200bb", "a\u00adb", "a\U000e0041b", "a\ue000b", "a\U0010ffffb", "a\xffb", "a\u200db", "\u200da", "فا\u200c",
}

func TestNames(t *testing.T) {
	for given, want := range map[string]string{
		"fm_mnist-2.1+x": "fm_mnist-2.1+x", "7": "7", "größe": "größe", "gro\u0308ße": "größe",
		"モデル-2": "モデル-2", "Тест": "Тест", "שלום": "שלום", "مدل۳": "مدل۳",
		"नमस्ते": "नमस्ते", "می\u200cخواهم": "می\u200cخواهم", "ạ̈": norm.NFC.String("ạ̈"), "한국": "한국", "\u1112\u1161\u11ab": "한",
		strings.Repeat("é", 64): strings.Repeat("é", 64), strings.Repeat("字", 64): strings.Repeat("字", 64),
	} {
		if got, err := Name(given); got != want || err != nil {
			t.Errorf("%q is %q, %v", given, got, err)
		}
	}
	for _, given := range append([]string{"", " a", "a b", "a/b", "-a", ".", "a,b", "a:b", "\u0301a", "a😀", strings.Repeat("a",
		65), strings.Repeat("𠀀", 64)}, hiddenTexts...) {
		if got, err := Name(given); err == nil {
			t.Errorf("%q is the name %q, and should be refused", given, got)
		} else if strings.ContainsFunc(err.Error(), func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("the refusal of %q cannot be shown: %q", given, err)
		}
	}
}

func TestTags(t *testing.T) {
	for given, want := range map[string]string{
		"a": "a", " two  words\n": "two  words", "lr=1e-3": "lr=1e-3", "gro\u0308ße": "größe", "要確認": "要確認",
		"👩\u200d🔬": "👩\u200d🔬", "می\u200cخواهم": "می\u200cخواهم", "<b>": "<b>",
	} {
		if got, err := Tag(given); got != want || err != nil {
			t.Errorf("%q is %q, %v", given, got, err)
		}
	}
	for _, given := range append([]string{"", "  ", "a,b"}, hiddenTexts...) {
		if got, err := Tag(given); err == nil {
			t.Errorf("%q is the tag %q, and should be refused", given, got)
		}
	}
}

func TestFitMakesNames(t *testing.T) {
	for given, want := range map[string]string{
		"fm mnist (2)": "fm-mnist-2", "größe.v2": "größe.v2", "gro\u0308ße": "größe", "  ": "", "../x": "x", "a\u202eb": "a-b",
		"日本 語": "日本-語", "": "",
		"\u0301x": "x", "a.": "a", strings.Repeat("é", 70): strings.Repeat("é", 64),
	} {
		if got := Fit(given); got != want {
			t.Errorf("%q became %q, want %q", given, got, want)
		}
	}
}

func FuzzNames(f *testing.F) {
	for _, s := range append([]string{"größe", "می\u200cخواهم", "a b", "👩\u200d🔬", strings.Repeat("𠀀", 64)}, hiddenTexts...) {
		f.Add(s)
	}
	names, tags := regexp.MustCompile(NamePattern), regexp.MustCompile(TagPattern)
	f.Fuzz(func(t *testing.T, text string) {
		if name, err := Name(text); err == nil {
			if again, err := Name(name); again != name || err != nil || !names.MatchString(name) ||
				!norm.NFC.IsNormalString(name) || utf8.RuneCountInString(name) > Longest {
				t.Errorf("%q is the name %q, and that %q, %v", text, name, again, err)
			}
		}
		if tag, err := Tag(text); err == nil {
			if again, err := Tag(tag); again != tag || err != nil || !tags.MatchString(tag) {
				t.Errorf("%q is the tag %q, and that %q, %v", text, tag, again, err)
			}
		}
		if name := Fit(text); name != "" {
			if again, err := Name(name); again != name || err != nil {
				t.Errorf("%q was made %q, which as a name is %q, %v", text, name, again, err)
			}
		}
	})
}
