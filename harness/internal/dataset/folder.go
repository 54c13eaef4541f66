package dataset

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// imageFolder is a folder of pictures: with a folder for each class, or flat; split by folders train and test, or by the
// hash of each file.
type imageFolder struct{}

// extensions are those of pictures; other files are passed over.
var extensions = []string{".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif"}

// testFolders are what the folder of pictures to test on may be called, beside one called train.
var testFolders = []string{"test", "val", "valid", "validation"}

func (imageFolder) Name() string { return "image_folder" }

// Spec is not known before a folder is looked at, see [Measure].
func (imageFolder) Spec() Spec { return Spec{} }

// Locate says that there is no place to look in.
func (imageFolder) Locate(string) Location { return Location{Own: true} }

// Open is not called: see openOwn.
func (imageFolder) Open(context.Context, string, string, int) (*Dataset, error) {
	return nil, errors.New("needs data.dir")
}

// folderPicture is a picture of a folder.
type folderPicture struct {
	path  string
	class int
	test  bool
	hash  [sha256.Size]byte
}

func (imageFolder) survey(ctx context.Context, o Options) (*survey, error) {
	if o.Dir == "" {
		return nil, errors.New("names no folder: set it to the folder of pictures, with --set data.dir=FOLDER")
	}
	pictures, classes, err := listFolder(o.Dir)
	if err != nil {
		return nil, err
	}
	if err := hashPictures(ctx, o.Dir, pictures); err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(pictures, func(p folderPicture) bool { return p.test }) {
		splitByHash(len(pictures), len(classes), func(i int) (int, bool) { return pictures[i].class, o.inTest(pictures[i].hash) },
			func(i int) { pictures[i].test = true })
	}
	// The order is that of the hashes: any first images are of all classes, and names do not matter.
	slices.SortStableFunc(pictures, func(a, b folderPicture) int {
		if c := strings.Compare(string(a.hash[:]), string(b.hash[:])); c != 0 {
			return c
		}
		return a.class - b.class
	})
	h := sha256.New()
	fmt.Fprintf(h, "%q\n", classes)
	for _, p := range pictures {
		fmt.Fprintln(h, p.class, p.test, hex.EncodeToString(p.hash[:]))
	}
	return &survey{key: hex.EncodeToString(h.Sum(nil)), dir: o.Dir, open: func(context.Context) (*contents, error) {
		return &contents{classes: classes, each: func(ctx context.Context, add func(rawImage) error) error {
			for _, p := range pictures {
				if err := errors.Join(ctx.Err(), add(rawImage{where: p.path, class: p.class, test: p.test, encoded: p.read})); err != nil {
					return err
				}
			}
			return nil
		}}, nil
	}}, nil
}

// read returns a picture's bytes, which must be those that were hashed.
func (p folderPicture) read() ([]byte, error) {
	data, err := os.ReadFile(p.path)
	if err == nil && sha256.Sum256(data) != p.hash {
		err = errors.New("the file is being changed: try again when it is complete")
	}
	return data, err
}

// splitByHash chooses the images to test on. The images of a class that would have none left to train on stay there.
func splitByHash(n, classes int, of func(i int) (class int, test bool), take func(i int)) {
	left := make([]int, max(classes, 1))
	for i := range n {
		if class, test := of(i); !test {
			left[max(class, 0)]++
		}
	}
	for i := range n {
		if class, test := of(i); test && left[max(class, 0)] > 0 {
			take(i)
		}
	}
}

// listFolder finds the pictures of a folder, sorted by path, and its classes.
func listFolder(dir string) (pictures []folderPicture, classes []string, err error) {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, nil, fmt.Errorf("there is no folder %s", dir)
	case err != nil:
		return nil, nil, err
	case !info.IsDir():
		return nil, nil, fmt.Errorf("%s is a file: data.dir is the folder that holds the pictures", dir)
	}
	train, test := dir, ""
	if isFolder(filepath.Join(dir, "train")) {
		train = filepath.Join(dir, "train")
		for _, name := range testFolders {
			if isFolder(filepath.Join(dir, name)) {
				test = filepath.Join(dir, name)
				break
			}
		}
	}
	byClass, err := listClasses(train)
	if err != nil {
		return nil, nil, err
	}
	classes = slices.Sorted(maps.Keys(byClass))
	if len(classes) > maxClasses {
		return nil, nil, fmt.Errorf("%s holds %d folders, each a class; there can be %d classes", train, len(classes), maxClasses)
	}
	add := func(byClass map[string][]string, test bool) {
		for class, name := range classes {
			for _, path := range byClass[name] {
				pictures = append(pictures, folderPicture{path: path, class: class, test: test})
			}
		}
	}
	add(byClass, false)
	if test != "" {
		tested, err := listClasses(test)
		if err != nil {
			return nil, nil, err
		}
		for _, name := range slices.Sorted(maps.Keys(tested)) {
			if _, trained := byClass[name]; !trained {
				return nil, nil, fmt.Errorf("%s has pictures of %s, %s has none: they must have the same classes", test, classText(name),
					train)
			}
		}
		add(tested, true)
	}
	if _, flat := byClass[""]; flat {
		for i := range pictures {
			pictures[i].class = -1
		}
		classes = nil
	}
	return pictures, classes, nil
}

func classText(name string) string {
	if name == "" {
		return "no class"
	}
	return "class " + name
}

// listClasses finds the pictures below a folder by class, which of a flat folder is "".
func listClasses(dir string) (map[string][]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	found, loose := map[string][]string{}, []string(nil)
	var empty string
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		switch {
		case strings.HasPrefix(e.Name(), "."):
		case isFolder(path):
			root, err := filepath.EvalSymlinks(path)
			if err != nil {
				return nil, err
			}
			parent, err := filepath.EvalSymlinks(dir)
			if err != nil {
				return nil, err
			}
			pictures, err := walk(path, []string{parent, root})
			if err != nil {
				return nil, err
			}
			if len(pictures) == 0 {
				empty = path
				continue
			}
			found[e.Name()] = pictures
		case isPicture(path):
			loose = append(loose, path)
		}
	}
	switch {
	case len(found) > 0 && len(loose) > 0:
		return nil, fmt.Errorf("%s holds pictures, such as %s, beside folders of pictures, such as %s: put every picture into the folder of "+
			"its class, or all into one folder", dir, filepath.Base(loose[0]), slices.Sorted(maps.Keys(found))[0])
	case len(found) > 0 && empty != "":
		return nil, fmt.Errorf("%s holds no pictures, but each folder beside it is a class: remove it, or put pictures into it (%s)", empty,
			strings.Join(extensions, ", "))
	case len(found) == 0 && len(loose) == 0:
		return nil, fmt.Errorf("%s holds no pictures (%s)", dir, strings.Join(extensions, ", "))
	case len(loose) > 0:
		found[""] = loose
	}
	return found, nil
}

// walk finds the pictures below a folder. Links are followed; above are the real paths of the folders that it lies in, which
// no link may lead back to.
func walk(dir string, above []string) (pictures []string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		switch {
		case strings.HasPrefix(e.Name(), "."):
		case isFolder(path):
			real, err := filepath.EvalSymlinks(path)
			if err != nil {
				return nil, err
			}
			if slices.Contains(above, real) {
				return nil, fmt.Errorf("%s is a link that leads back to %s, which it lies in: remove it", path, real)
			}
			below, err := walk(path, append(slices.Clone(above), real))
			if err != nil {
				return nil, err
			}
			pictures = append(pictures, below...)
		case isPicture(path):
			pictures = append(pictures, path)
		}
	}
	return pictures, nil
}

func isPicture(path string) bool {
	return slices.Contains(extensions, strings.ToLower(filepath.Ext(path)))
}

// isFolder follows links.
func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
