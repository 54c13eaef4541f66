package dataset

// The three datasets in MNIST's form. The SHA-256s of decompressed bytes of MNIST are widely published; those of Fashion-MNIST
// are of the files that Debian ships, whose MD5s are the published ones. Of KMNIST the SHA-256s of the .gz files are published,
// and of what is in them only the MD5s.

var mnist = IDX{
	ID: "mnist", Shape: mnistShape, Folders: []string{"MNIST"},
	Mirrors: []string{
		"https://ossci-datasets.s3.amazonaws.com/mnist/",
		"https://storage.googleapis.com/cvdf-datasets/mnist/",
	},
	Files: [4]IDXFile{
		{Name: "train-images-idx3-ubyte", SHA256: "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"},
		{Name: "train-labels-idx1-ubyte", SHA256: "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"},
		{Name: "t10k-images-idx3-ubyte", SHA256: "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"},
		{Name: "t10k-labels-idx1-ubyte", SHA256: "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"},
	},
}

// Xiao, Rasul and Vollgraf 2017, arXiv:1708.07747.
var fashionMNIST = IDX{
	ID: "fashion_mnist", Shape: mnistShape, Folders: []string{"fashion-mnist", "FashionMNIST"},
	Mirrors: []string{"http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"},
	Files: [4]IDXFile{
		{Name: "train-images-idx3-ubyte", SHA256: "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"},
		{Name: "train-labels-idx1-ubyte", SHA256: "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"},
		{Name: "t10k-images-idx3-ubyte", SHA256: "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"},
		{Name: "t10k-labels-idx1-ubyte", SHA256: "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"},
	},
}

// Clanuwat et al. 2018, arXiv:1812.01718.
var kmnist = IDX{
	ID: "kmnist", Shape: mnistShape, Folders: []string{"KMNIST"},
	Mirrors: []string{"http://codh.rois.ac.jp/kmnist/dataset/kmnist/"},
	Files: [4]IDXFile{
		{Name: "train-images-idx3-ubyte", MD5: "92be26ec9822e900ac425d0a0aa84ced",
			PackedSHA256: "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4"},
		{Name: "train-labels-idx1-ubyte", MD5: "949e75301f8813e0dc5800dcc320fc52",
			PackedSHA256: "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17"},
		{Name: "t10k-images-idx3-ubyte", MD5: "bf305b8cd328700fbc17f5acbc2856d2",
			PackedSHA256: "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5"},
		{Name: "t10k-labels-idx1-ubyte", MD5: "9f55f451c0988b028eccdf7d5cc265ab",
			PackedSHA256: "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c"},
	},
}

var mnistShape = Spec{Height: 28, Width: 28, Channels: 1, Classes: 10, Train: 60_000, Test: 10_000}
