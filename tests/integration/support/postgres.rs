//! PostgreSQL server of one test, for tests that kill it.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use tempfile::TempDir;

use super::{
    nats::free_port,
    wait::{PATIENCE, until},
};

/// PostgreSQL server, stopped when dropped.
pub struct PostgresServer {
    pub port: u16,
    bin: PathBuf,
    folder: TempDir,
}

impl PostgresServer {
    /// Starts a server with an empty database; `None` where PostgreSQL is not installed.
    pub async fn start() -> Option<Self> {
        let Some(bin) = newest("/usr/lib/postgresql") else {
            super::missing("PostgreSQL's initdb and pg_ctl");
            return None;
        };
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let server = Self { port: free_port(), bin, folder };
        // PostgreSQL refuses to run as root.
        if is_root() {
            let owned = Command::new("chown").arg("postgres").arg(server.folder.path()).status();
            assert!(owned.is_ok_and(|status| status.success()), "the folder gets another owner");
        }
        let data = server.data();
        server.tool("initdb", &["-D", &data, "-A", "trust", "-U", "lonceng", "-E", "UTF8"]);
        server.run().await;
        Some(server)
    }

    /// Starts the server, also after it was killed.
    pub async fn run(&self) {
        let folder = self.folder.path().display();
        let options = format!(
            "-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} \
             -c max_connections=200",
            self.port
        );
        let (data, log) = (self.data(), format!("{folder}/log"));
        until("PostgreSQL starts", PATIENCE, async || {
            // The children of a server that was killed hold its memory for a moment.
            let arguments = ["-D", &data, "-l", &log, "-w", "-s", "-o", &options, "start"];
            self.command("pg_ctl", &arguments)
                .status()
                .ok()
                .filter(std::process::ExitStatus::success)
        })
        .await;
    }

    /// `kill -9` of the postmaster.
    pub fn kill(&self) {
        let pid = std::fs::read_to_string(format!("{}/postmaster.pid", self.data()));
        if let Some(pid) = pid.ok().and_then(|text| text.lines().next().map(str::to_owned)) {
            let _ = Command::new("kill").args(["-9", &pid]).status();
        }
    }

    /// URL through a port, such as that of a proxy.
    pub fn url_at(port: u16) -> String {
        format!("postgres://lonceng@127.0.0.1:{port}/postgres")
    }

    fn data(&self) -> String {
        format!("{}/data", self.folder.path().display())
    }

    fn command(&self, tool: &str, arguments: &[&str]) -> Command {
        let tool = self.bin.join(tool);
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(tool);
            command
        } else {
            Command::new(tool)
        };
        command.args(arguments).current_dir(self.folder.path());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    fn tool(&self, tool: &str, arguments: &[&str]) {
        let status = self.command(tool, arguments).status();
        assert!(status.is_ok_and(|status| status.success()), "{tool} {arguments:?}");
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        let data = self.data();
        let _ = self.command("pg_ctl", &["-D", &data, "-m", "immediate", "-s", "stop"]).status();
    }
}

/// Returns the folder of programs of the newest version.
fn newest(folder: &str) -> Option<PathBuf> {
    let versions = std::fs::read_dir(folder).ok()?.filter_map(Result::ok);
    let number = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    let newest = versions.map(|entry| entry.path()).max_by_key(|path| number(path))?;
    Some(newest.join("bin")).filter(|bin| bin.join("initdb").exists())
}

fn is_root() -> bool {
    let user = Command::new("id").arg("-u").output();
    user.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}
