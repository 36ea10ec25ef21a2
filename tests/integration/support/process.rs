//! Servers of tests, as processes.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
};

use super::wait::{PATIENCE, until};

/// Ends a process with SIGTERM, where there is one, and waits for it.
pub async fn terminate(child: &mut Option<Child>, what: &str) {
    let Some(mut child) = child.take() else { return };
    if cfg!(unix) {
        let sent = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()), "SIGTERM can be sent");
    } else {
        let _ = child.kill();
    }
    until(&format!("{what} ends"), PATIENCE, async || child.try_wait().ok().flatten()).await;
}

/// Ends a process at once.
pub fn kill(child: &mut Option<Child>) {
    if let Some(mut child) = child.take() {
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// Starts a Python program of this folder, which prints `ready` and ends with its input. `None`
/// where the variable does not name a Python that has `package`.
pub fn python(variable: &str, package: &str, program: &str, ports: &[u16]) -> Option<Child> {
    let Ok(python) = std::env::var(variable) else {
        super::missing(&format!("Python with {package} ({variable})"));
        return None;
    };
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/integration/support/");
    let mut child = Command::new(python)
        .arg(format!("{folder}{program}"))
        .args(ports.iter().map(u16::to_string))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Python runs");
    let mut line = String::new();
    let output = child.stdout.take().expect("it is piped");
    BufReader::new(output).read_line(&mut line).expect("it prints a line");
    assert_eq!(line.trim(), "ready");
    Some(child)
}
