//! Cleaning up that happens whatever becomes of us: a panic, Ctrl-C, kill -9.
//!
//! A guard is a small shell that waits for the end of a pipe we hold. When we go, in any way, the pipe closes and the shell does
//! its work; so the normal end and the abnormal one share the same few lines.

use crate::failure::Outcome;
use crate::programs::Account;
use std::ffi::OsStr;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

/// Runs a cleaning script when dropped, or when this process ends without dropping it.
pub struct Guard {
    shell: Child,
}

impl Guard {
    /// Starts the waiting shell. `script` sees `arguments` as `$1`, `$2`, … and runs as `account`.
    pub fn arm(account: &Account, script: &str, arguments: &[&OsStr]) -> Outcome<Guard> {
        let shell = account
            .command("/bin/sh")
            .arg("-c")
            .arg(format!("cat >/dev/null; {script}"))
            .arg("guard")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Ctrl-C ends us, and must not end the shell that cleans up after us.
            .process_group(0)
            .spawn()?;
        Ok(Guard { shell })
    }

    /// Ends the shell without cleaning: there is nothing left to clean, or it shall stay.
    pub fn disarm(mut self) {
        end(&mut self.shell);
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        // After `disarm` this returns at once; an error would mean that the shell is gone already.
        let _gone = self.shell.wait();
    }
}

/// Kills a child and takes its exit status, so that no zombie stays. Both fail only when it has ended and was waited for.
pub(crate) fn end(child: &mut Child) {
    let _ended = child.kill();
    let _status = child.wait();
}

/// Runs `sh -c script` and says whether it ended well; for one-liners such as a signal.
pub(crate) fn shell(script: &str, arguments: &[&OsStr]) -> Outcome<bool> {
    let status = Command::new("/bin/sh")
        .arg("-c")
        .arg(script)
        .arg("sh")
        .args(arguments)
        .stderr(Stdio::null())
        .status()?;
    Ok(status.success())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn marker(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("herald-guard-{name}-{}", std::process::id()))
    }

    #[test]
    fn a_dropped_guard_cleans_and_a_disarmed_one_does_not() {
        let [cleaned, kept] = ["cleaned", "kept"].map(marker);
        for path in [&cleaned, &kept] {
            std::fs::write(path, "").unwrap();
        }
        let account = Account::current();
        let script = "rm -f -- \"$1\"";
        drop(Guard::arm(&account, script, &[cleaned.as_os_str()]).unwrap());
        Guard::arm(&account, script, &[kept.as_os_str()])
            .unwrap()
            .disarm();
        assert!(!cleaned.exists());
        assert!(kept.exists());
        std::fs::remove_file(kept).unwrap();
    }
}
