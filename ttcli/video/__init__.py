"""Reading and writing of video files: the only place that knows PyAV."""
