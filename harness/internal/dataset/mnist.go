package dataset

// The three datasets in MNIST's form. The MD5s of .gz files are those that the
// publishers give; SHA-256s and MD5s of decompressed bytes are widely published.
// Of the decompressed files of Fashion-MNIST and KMNIST only MD5s are.

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
		{Name: "train-images-idx3-ubyte", MD5: "f4a8712d7a061bf5bd6d2ca38dc4d50a", PackedMD5: "8d4fb7e6c68d591d4c3dfef9ec88bf0d"},
		{Name: "train-labels-idx1-ubyte", MD5: "9018921c3c673c538a1fc5bad174d6f9", PackedMD5: "25c81989df183df01b3e8a0aad5dffbe"},
		{Name: "t10k-images-idx3-ubyte", MD5: "8181f5470baa50b63fa0f6fddb340f0a", PackedMD5: "bef4ecab320f06d8554ea6380940ec79"},
		{Name: "t10k-labels-idx1-ubyte", MD5: "15d484375f8d13e6eb1aabb0c3f46965", PackedMD5: "bb300cfdad3c16e7a12a480ee83cd310"},
	},
}

// Clanuwat et al. 2018, arXiv:1812.01718.
var kmnist = IDX{
	ID: "kmnist", Shape: mnistShape, Folders: []string{"KMNIST"},
	Mirrors: []string{"http://codh.rois.ac.jp/kmnist/dataset/kmnist/"},
	Files: [4]IDXFile{
		{Name: "train-images-idx3-ubyte", MD5: "92be26ec9822e900ac425d0a0aa84ced", PackedMD5: "bdb82020997e1d708af4cf47b453dcf7"},
		{Name: "train-labels-idx1-ubyte", MD5: "949e75301f8813e0dc5800dcc320fc52", PackedMD5: "e144d726b3acfaa3e44228e80efcd344"},
		{Name: "t10k-images-idx3-ubyte", MD5: "bf305b8cd328700fbc17f5acbc2856d2", PackedMD5: "5c965bf0a639b31b8f53240b1b52f4d7"},
		{Name: "t10k-labels-idx1-ubyte", MD5: "9f55f451c0988b028eccdf7d5cc265ab", PackedMD5: "7320c461ea6c1c855c0b718fb2a4b134"},
	},
}

var mnistShape = Spec{Height: 28, Width: 28, Channels: 1, Classes: 10, Train: 60_000, Test: 10_000}
