//! Packs of a git server: objects whose ids are right, or a reason; nothing leads out of a folder.

pub fn check(bytes: &[u8]) {
    // A right checksum lets what stands before it be read.
    let sealed = sources::git::sealed(bytes);
    for pack in [bytes, &sealed] {
        match sources::git::unpack(pack) {
            Ok(objects) => {
                for id in objects.ids() {
                    let Ok(files) = objects.files(id) else {
                        continue;
                    };
                    for path in files.keys() {
                        assert!(path.split('/').all(|part| !part.is_empty() && part != ".."));
                    }
                }
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
}
