//! Joining with a code, and renewing the token before it ends.

use super::config::Config;
use crate::logic::token::is_due;
use anyhow::{Context, bail};
use reqwest::{Client, Method};
use serde::Deserialize;
use serde_json::{Value, json};
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// What the form asks for.
#[derive(Clone, Debug, clap::Args)]
pub struct Form {
    /// The code that the school's console issued: 20 hexadecimal digits
    #[arg(long)]
    pub code: String,
    /// Number of the class that the device stands in; 0: none
    #[arg(long, default_value_t = 0)]
    pub class: u32,
    /// all_in_one, whiteboard, projector_pc or other
    #[arg(long, default_value = "other")]
    pub kind: String,
    /// Free text
    #[arg(long, default_value = "")]
    pub note: String,
    /// Address of the network adapter; the first one of this machine unless given
    #[arg(long)]
    pub mac: Option<String>,
    /// What stays when the disk is restored; the board's or the system's identity unless given
    #[arg(long)]
    pub hardware_id: Option<String>,
}

#[derive(Deserialize)]
struct Credential {
    token: String,
}

#[derive(Deserialize)]
struct Joined {
    device: Value,
    credential: Credential,
    again: bool,
}

/// Redeems a code, writes the token, and gives what the registry says of the device.
///
/// # Errors
/// The registry refuses, or the token cannot be written.
pub async fn enrol(config: &Config, form: &Form) -> anyhow::Result<String> {
    let body = json!({
        "code": form.code,
        "mac": form.mac.clone().or_else(first_mac).context("find a network adapter; give --mac")?,
        "hardware_id": form.hardware_id.clone().or_else(hardware_id).context("identify this machine; give --hardware-id")?,
        "kind": form.kind,
        "class_no": form.class,
        "note": form.note,
    });
    let joined: Joined = ask(config, Method::POST, "/v1/agent/enrol", None, Some(&body)).await?;
    write_token(&config.agent.token_file, &joined.credential.token)?;
    Ok(json!({ "device": joined.device, "again": joined.again }).to_string())
}

/// Renews the token if it is due. The old one is good until the new one is written and used, so a power cut in between
/// locks nobody out.
///
/// # Errors
/// The registry refuses or is away, or the token cannot be read or written.
pub async fn renew_if_due(config: &Config, now_ms: i64) -> anyhow::Result<bool> {
    let path = &config.agent.token_file;
    let old = fs::read_to_string(path).with_context(|| format!("read the token from {}", path.display()))?;
    if !is_due(old.trim(), now_ms) {
        return Ok(false);
    }
    let new: Credential = ask(config, Method::POST, "/v1/agent/token", Some(old.trim()), None).await?;
    write_token(path, &new.token)?;
    let _own: Value = ask(config, Method::GET, "/v1/agent/self", Some(&new.token), None).await?;
    Ok(true)
}

async fn ask<T: serde::de::DeserializeOwned>(
    config: &Config,
    method: Method,
    path: &str,
    token: Option<&str>,
    body: Option<&Value>,
) -> anyhow::Result<T> {
    let client = Client::builder().timeout(config.edge.timeout).no_proxy().build().context("set up HTTP")?;
    let url = format!("{}{path}", config.registry.url.trim_end_matches('/'));
    let mut request = client.request(method, &url);
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    if let Some(body) = body {
        request = request.json(body);
    }
    let response = request.send().await.with_context(|| format!("ask {url}"))?;
    let status = response.status();
    let text = response.bytes().await.context("read the answer")?;
    if !status.is_success() {
        let problem: Value = serde_json::from_slice(&text).unwrap_or_default();
        bail!("the registry refuses ({status}): {} {}", problem["detail"], problem["errors"]);
    }
    serde_json::from_slice(&text).context("read the answer")
}

/// Whole or not at all, for this user alone.
fn write_token(path: &Path, token: &str) -> anyhow::Result<()> {
    let draft = path.with_extension("draft");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    file.write_all(token.as_bytes()).and_then(|()| file.sync_all()).context("write the token")?;
    fs::rename(&draft, path).with_context(|| format!("write {}", path.display()))
}

/// The first adapter with an address, by name; the loopback has none.
fn first_mac() -> Option<String> {
    let mut names: Vec<_> = fs::read_dir("/sys/class/net").ok()?.filter_map(Result::ok).collect();
    names.sort_by_key(std::fs::DirEntry::file_name);
    let address = |entry: &fs::DirEntry| fs::read_to_string(entry.path().join("address")).ok();
    let real = |text: &String| text.trim().len() == 17 && text.trim() != "00:00:00:00:00:00";
    names.iter().filter_map(address).find(real).map(|text| text.trim().to_owned())
}

/// The board's identity where it may be read (root), else the system's.
fn hardware_id() -> Option<String> {
    let files = ["/sys/class/dmi/id/product_uuid", "/etc/machine-id"];
    let texts = files.iter().filter_map(|file| fs::read_to_string(file).ok());
    texts.map(|text| text.trim().to_ascii_lowercase()).find(|text| text.len() >= 16)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_token_is_replaced_whole_and_private() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("device.token");
        write_token(&path, "one").unwrap();
        write_token(&path, "two").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "two");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "no draft is left");
    }
}
