package grid

import (
	"bytes"
	"errors"
	"image"
	"image/png"
	"testing"
)

func drawn(t *testing.T, values ...float32) []byte {
	t.Helper()
	picture, err := Encode(values, onePixel, 1, len(values))
	if err != nil {
		t.Fatal(err)
	}
	return picture
}

func TestDifferencesAreBelowAllButTheFirst(t *testing.T) {
	first, second := drawn(t, -1, 1, 0), drawn(t, -1, -1, 1)
	picture, err := WithDifferences(first, second)
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(picture))
	if err != nil {
		t.Fatal(err)
	}
	one, _ := png.Decode(bytes.NewReader(first))
	size := one.Bounds().Size()
	if got := img.Bounds().Size(); got != (image.Point{2*size.X + 4*gutter, 2*size.Y + 4*gutter}) {
		t.Fatalf("the picture is %v of two of %v", got, size)
	}
	left, top := size.X+4*gutter, size.Y+4*gutter
	for i, want := range []uint8{0xff, 0, 0x7f} { // no difference, the whole, half
		x, y := gutter+i*(2+gutter), gutter
		if got := grey(img, left+x, top+y); got < want-1 && want > 0 || got > want+1 && want < 0xff {
			t.Errorf("image %d differs by %d, want %d", i, got, want)
		}
		if got := grey(img, x, top+y); got != paper.Y {
			t.Errorf("below the first there is %d", got)
		}
		if got, want := grey(img, left+x, y), []uint8{0xff, 0xff, 0}[i]; got != want {
			t.Errorf("the second's image %d is %d, want %d", i, got, want)
		}
	}
	if again, _ := WithDifferences(first, second); !bytes.Equal(picture, again) {
		t.Error("equal pictures give other bytes")
	}
}

func TestDifferencesNeedPicturesOfOneSize(t *testing.T) {
	if _, err := WithDifferences(drawn(t, 0), drawn(t, 0, 0)); !errors.Is(err, ErrShapes) {
		t.Errorf("error is %v", err)
	}
	if _, err := WithDifferences(drawn(t, 0), []byte("no picture")); err == nil {
		t.Error("what is no picture was drawn")
	}
	if one, err := WithDifferences(drawn(t, 0)); err != nil || len(one) == 0 {
		t.Errorf("one picture: %v", err)
	}
}

func TestADifferenceAloneIsTheStripBelow(t *testing.T) {
	a, b := encodeGrey(t, 2, 1, 0, 255), encodeGrey(t, 2, 1, 55, 255)
	got, err := Difference(a, b)
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(got))
	if err != nil {
		t.Fatal(err)
	}
	if x, y := grey(img, 0, 0), grey(img, 1, 0); x != 200 || y != 255 {
		t.Errorf("pixels are %d and %d, want 200 and 255", x, y)
	}
	if _, err := Difference(a, encodeGrey(t, 1, 1, 0)); !errors.Is(err, ErrShapes) {
		t.Errorf("pictures of different sizes: %v", err)
	}
	if _, err := Difference(a, []byte("no picture")); err == nil {
		t.Error("what is no picture was compared")
	}
}

func encodeGrey(t *testing.T, width, height int, pixels ...uint8) []byte {
	t.Helper()
	img := image.NewGray(image.Rect(0, 0, width, height))
	copy(img.Pix, pixels)
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
