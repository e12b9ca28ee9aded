//! Copies of a server's store.

use std::{fs, path::Path};

use super::ApiServer;
use crate::{OrFail, Scratch};

/// A server's store as it was at a moment.
pub struct Backup(Scratch);

impl ApiServer {
    /// Copies its store. The server is down meanwhile.
    ///
    /// # Panics
    /// When it does not come up again.
    #[track_caller]
    pub fn back_up(&mut self) -> Backup {
        let backup = Backup(Scratch::new("backup"));
        self.with_store_at_rest(|store| copy(store, backup.0.path()));
        backup
    }

    /// Puts its store back to what it was at `backup`, its versions too. The server is down meanwhile.
    ///
    /// # Panics
    /// When it does not come up again.
    #[track_caller]
    pub fn restore(&mut self, backup: &Backup) {
        self.with_store_at_rest(|store| {
            fs::remove_dir_all(store).or_fail("remove the store");
            copy(backup.0.path(), store);
        });
    }

    /// Empties its store. The server is down meanwhile.
    ///
    /// # Panics
    /// When it does not come up again.
    #[track_caller]
    pub fn come_back_empty(&mut self) {
        self.with_store_at_rest(|store| fs::remove_dir_all(store).or_fail("remove the store"));
    }

    #[track_caller]
    fn with_store_at_rest(&mut self, act: impl FnOnce(&Path)) {
        self.kill();
        self.etcd.stop();
        act(&self.etcd.data());
        self.etcd.start_again();
        self.start_again();
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).or_fail("make a folder of the store");
    for entry in fs::read_dir(from).or_fail("read the store") {
        let entry = entry.or_fail("read the store");
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).or_fail("copy a file of the store");
        }
    }
}
