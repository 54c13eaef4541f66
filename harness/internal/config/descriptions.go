package config

// DescribeKeys says what each key is for.
func (Config) DescribeKeys() map[string]string {
	return map[string]string{
		"name": "What the run is called in lists: letters and digits of any language and . _ + -. It is not inherited from a " +
			"base. Default: the file's name without its extension.",
		"tags":       "Texts to find the run by, of any language, without commas.",
		"notes":      "Free text kept with the run.",
		"seed":       "Seed of everything random in training: initial weights, shuffling, flips, noise, timesteps and label dropping.",
		"backend":    "What computes.",
		"data":       "Images to train on.",
		"model":      "The network and its size.",
		"process":    "What the model learns: the path from noise to data and the target on it.",
		"train":      "Budget and optimizer (AdamW).",
		"sampling":   "Grids drawn by the run: every sampler with every number of steps and every guidance scale.",
		"metrics":    "How the quality of the model is measured. Everything is compared with the dataset's test split.",
		"checkpoint": "When the state of training is written. It always is at the end and on an interruption.",
		"store":      "SQLite file the run is recorded in, relative to the working directory. Default: runs/harness.db.",
	}
}

// DescribeKeys says what each key is for.
func (Backend) DescribeKeys() map[string]string {
	return map[string]string{
		"name": "auto takes CUDA if there is a GPU and a plugin, else XLA on the CPU, else (with a warning) GoMLX's pure-Go " +
			"backend.",
		"plugin": "Path of the PJRT plugin, or of the folder that holds it. Default: looked up.",
		"cache":  "Load programs that were compiled before, and keep what is compiled; harness cache shows them. Default: true.",
		"devices": "Devices to train on: a number, or all. Each gets an equal part of every batch, and the gradients are " +
			"averaged; sampling and measuring take one device.",
		"precision": "What the network computes in. bfloat16: convolutions, linear layers and attention products in half precision, " +
			"from float32 weights, which stay what is trained and saved. For GPUs; slow on a CPU.",
	}
}

// DescribeKeys says what each key is for.
func (Data) DescribeKeys() map[string]string {
	return map[string]string{
		"name": "digits is drawn by the program itself and needs no files, and so are the points in the plane: 8gaussians, " +
			"moons, checkerboard, swissroll, pinwheel, 2spirals.",
		"dir": "Folder that holds the dataset's files, or a folder of them named after it. Nothing is read from elsewhere. " +
			"Default: $HARNESS_DATA_DIR, then the user cache.",
		"source":    "What paths begin with, for points in the plane and flows: noise, or points of another dataset. Default: noise.",
		"flip":      "Mirror every image left to right with probability 0.5. This makes mirrored digits.",
		"limit":     "Use the first so many training images; 0 uses all.",
		"drop_last": "Leave out the last batch of an epoch if it is not full.",
		"crop_padding": "Random crop: surround every image by so many pixels of value 0 and cut a random part of its size out. " +
			"Default: none.",
	}
}

// DescribeKeys says what each key is for.
func (Train) DescribeKeys() map[string]string {
	return map[string]string{
		"batch_size": "Images in a batch.",
		"microbatch_size": "Images that the network is run on at once, a divisor of batch_size (of each device's part of it): gradient " +
			"accumulation inside a batch. Losses and gradients are those of the whole batch, up to rounding. auto: all, " +
			"but on a CPU parts of large batches, which is faster. Default: auto.",
		"epochs":       "Passes over the data. Set this or steps.",
		"steps":        "Optimizer steps. Set this or epochs.",
		"lr":           "Learning rate, after warm-up.",
		"lr_schedule":  "cosine falls to zero at the last step.",
		"warmup_steps": "Steps over which the learning rate first rises linearly.",
		"betas":        "AdamW's decay rates of the mean of the gradient and of its square.",
		"eps":          "AdamW's epsilon.",
		"weight_decay": "AdamW's decoupled weight decay, on every parameter.",
		"grad_clip":    "Largest global L2 norm of the gradient; 0 does not clip.",
		"ema_decay":    "Decay of the exponential moving average of the weights; 0 keeps none.",
		"label_drop":   "Probability that an image is trained without its class, which is what guidance needs.",
		"init_from": "Begin with weights instead of random ones: those of a RUN of the store at its latest checkpoint, of RUN@STEP, " +
			"or of a safetensors FILE. A run's optimizer state and averaged weights are taken over, too. Default: random " +
			"weights.",
		"init_weights": "With init_from: the run's weights as trained (raw), or their average (ema), which begins with a new " +
			"optimizer. Default: raw.",
		"init_sha256": "SHA-256 of what training begins with. Given, other weights are refused. Default: filled in when the run " +
			"begins.",
		"init_step": "Count on from this update of the run that init_from names, as if the run had not ended: harness run --resume " +
			"RUN --set train.epochs=… sets it. Default: 0, a schedule of its own.",
		"log_every_seconds": "Time between lines of progress where there is no terminal.",
	}
}

// DescribeKeys says what each key is for.
func (Sampling) DescribeKeys() map[string]string {
	return map[string]string{
		"seed":     "Seed of the noise that samples start from. Grids of one sampling seed start from the same noise in every run.",
		"samplers": "Samplers of the process: a name, or a mapping of the name and options.",
		"steps":    "Numbers of sampling steps, at most process.num_train_timesteps.",
		"guidance": "Guidance scales g of uncond + g·(cond − uncond): 1 is the class alone, 0 no class.",
		"guidance_interval": "Part of the steps that is guided, as fractions [a, b] of their number; the others see the class alone. " +
			"Default: all steps.",
		"guidance_method": "How predictions are combined. cfg: uncond + g·(cond − uncond); cfg_zero_star, for flows: from the multiple of " +
			"uncond that is nearest to cond, with a velocity of zero in the first zero_init_steps (Fan et al. 2025). " +
			"Default: cfg.",
		"zero_init_steps": "cfg_zero_star: steps at the beginning whose velocity is taken for zero. Default: 1.",
		"guidance_rescale": "How far the standard deviation of guided predictions is brought back to that of the class alone (Lin et al. " +
			"2024, section 3.4). Default: 0.",
		"rows": "Rows of a grid; its columns are no class and every class, of many the first 29; of images without classes " +
			"there are 8.",
		"points":    "Points in a picture of points in the plane, as many of each class; it has no rows. Default: 2000.",
		"use_ema":   "Draw with the averaged weights. Default: true if train.ema_decay is above 0.",
		"at_epochs": "Draw the grids after these epochs too.",
		"at_end":    "Draw the grids when training is done.",
	}
}

// DescribeKeys says what each key is for.
func (Metrics) DescribeKeys() map[string]string {
	return map[string]string{
		"validation_images": "Test images that the validation loss is computed on, after every epoch and at the end; 0 does not compute it. " +
			"Default: 1000, or as many as there are.",
		"validate_every_steps": "Compute the validation loss after every so many steps too; 0 does not.",
		"at_end": "When training is done, draw images with every sampler, number of steps and guidance scale of sampling and " +
			"measure them. harness evaluate does it later.",
		"images": "Images drawn for that, as many of each class. Published figures take 10000. Default: 2000, or as many as " +
			"there are to train on.",
	}
}

// DescribeKeys says what each key is for.
func (Checkpoint) DescribeKeys() map[string]string {
	return map[string]string{
		"every_steps":  "Write one after every so many steps; 0 does not.",
		"every_epochs": "Write one after every so many epochs; 0 does not.",
		"keep":         "Keep so many of the latest.",
	}
}
