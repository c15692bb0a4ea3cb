//! The main job, from the demo agent's first look at a folder to the files on
//! disk.
