"""Auto Loader: ``spark.readStream.format("cloudFiles")``, in directory listing mode."""
