//! The tutorial's commands, verbatim, against a demo.
//!
//! Demo and command line are this test program itself, started again to run [`a_command_line`], so that
//! nothing has to be built beside it.

use std::ffi::OsString;
use std::fmt::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use vitne::clock::SystemClock;
use vitne_tests::python::interpreter;

/// The arguments of [`a_command_line`], one a line.
const ARGUMENTS: &str = "VITNE_TEST_ARGUMENTS";

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

#[test]
#[ignore = "runs as a process of its own, started by the tutorial's test"]
fn a_command_line() {
    let Ok(arguments) = std::env::var(ARGUMENTS) else { return };
    println!("\n<<<");
    let arguments = std::iter::once("vitne").chain(arguments.lines()).map(OsString::from);
    let fine = vitne::cli::run(arguments, Arc::new(SystemClock)) == ExitCode::SUCCESS;
    println!("\n>>>");
    std::process::exit(i32::from(!fine));
}

/// A script that does what the program `vitne` does.
fn stand_in(place: &Path) -> PathBuf {
    let program = std::env::current_exe().unwrap();
    let script = format!(
        "#!/bin/sh\nout=$(mktemp)\n{ARGUMENTS}=$(printf '%s\\n' \"$@\") '{}' --exact tutorial::a_command_line --ignored --nocapture >\"$out\"\n\
         status=$?\nsed -n '/^<<<$/,/^>>>$/p' \"$out\" | sed '1d;/^>>>$/d;/^$/d'\nrm -f \"$out\"\nexit $status\n",
        program.display()
    );
    executable(&place.join("vitne"), &script)
}

fn executable(path: &Path, text: &str) -> PathBuf {
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path.to_owned()
}

/// A demo that stops, with its PostgreSQL, however the test ends.
struct Demo {
    child: Child,
}

impl Demo {
    fn start(directory: &Path, port: u16) -> Self {
        let arguments = format!("demo\n--listen\n127.0.0.1:{port}\n--directory\n{}", directory.display());
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "tutorial::a_command_line", "--ignored", "--nocapture"])
            .env(ARGUMENTS, arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { child }
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let pid = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw);
        if let Some(pid) = pid {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        let _ = self.child.wait();
    }
}

/// The commands of the tutorial, in order.
fn commands() -> String {
    let tutorial = std::fs::read_to_string(Path::new(ROOT).join("docs/tutorial.md")).unwrap();
    let mut commands = String::new();
    let blocks = tutorial.split("\n```sh\n").skip(1).map(|rest| rest.split("\n```").next().unwrap());
    for block in blocks {
        writeln!(commands, "{block}").unwrap();
    }
    commands
}

fn ready(port: u16) -> bool {
    let url = format!("http://127.0.0.1:{port}/health/ready");
    Command::new("curl").args(["-fsS", "-o", "/dev/null", &url]).output().is_ok_and(|output| output.status.success())
}

#[test]
fn the_tutorials_commands_tell_the_story() {
    for tool in ["jq", "oathtool", "curl"] {
        let there = Command::new(tool).arg("--version").output().is_ok();
        assert!(there, "{tool} is missing; scripts/setup test installs it");
    }
    let place = tempfile::tempdir().unwrap();
    std::fs::set_permissions(place.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let directory = place.path().join("demo");
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let demo = Demo::start(&directory, port);
    let deadline = Instant::now() + Duration::from_secs(180);
    while !ready(port) {
        assert!(Instant::now() < deadline, "the demo is not ready");
        std::thread::sleep(Duration::from_millis(200));
    }
    let script = place.path().join("tutorial.sh");
    std::fs::write(&script, commands()).unwrap();
    let programs = place.path().join("programs");
    std::fs::create_dir(&programs).unwrap();
    std::os::unix::fs::symlink(interpreter(), programs.join("python3")).unwrap();
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap_or_default());
    let output = Command::new("bash")
        .arg(&script)
        .current_dir(ROOT)
        .env("PATH", path)
        .env("VITNE_URL", format!("http://localhost:{port}"))
        .env("VITNE_DEMO", &directory)
        .env("VITNE", stand_in(place.path()))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    for line in ["Two-step verification: true", "If ", "The phone is signed out.", "recovery code"] {
        assert!(said.contains(line), "{line:?} is missing in:\n{said}");
    }
    drop(demo);
}
