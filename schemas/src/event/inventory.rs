//! What a machine is made of. Strings up to 256 characters, numbers u32.

use super::{Link, Media, SoftwareCategory, rfc3339};
use compact_str::CompactString;
use serde::{Deserialize, Serialize};

/// Processor. Strings up to 256 characters, numbers u32, here and in all of the inventory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cpu {
    /// Model name.
    pub model: CompactString,
    /// Physical cores.
    pub cores: u32,
    /// Hardware threads.
    pub threads: u32,
    /// Base clock in MHz.
    pub base_mhz: u32,
}

/// A disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disk {
    /// Size in GB.
    pub gb: u32,
    /// Medium.
    pub media: Media,
    /// It holds the operating system.
    pub system: bool,
    /// Free space in MB.
    pub free_mb: u32,
}

/// A graphics adapter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Graphics {
    /// Model name.
    pub model: CompactString,
    /// Discrete, not integrated.
    pub discrete: bool,
    /// Video memory in MB.
    pub memory_mb: u32,
}

/// A network card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nic {
    /// Hardware address as the agent writes it.
    pub mac: CompactString,
    /// Link capability in Mbit/s.
    pub mbps: u32,
    /// Kind of link.
    pub link: Link,
}

/// The screen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Screen {
    /// Diagonal in inches.
    pub inch: u32,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// It has touch input.
    pub touch: bool,
}

/// Number of ports of each kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ports {
    /// USB 2
    pub usb2: u32,
    /// USB 3
    pub usb3: u32,
    /// USB Type-C
    pub typec: u32,
    /// HDMI out
    pub hdmi_out: u32,
    /// HDMI in
    pub hdmi_in: u32,
    /// VGA out
    pub vga_out: u32,
    /// VGA in
    pub vga_in: u32,
}

/// The camera.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Camera {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// It has a microphone.
    pub microphone: bool,
}

/// The operating system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Os {
    /// Name.
    pub name: CompactString,
    /// Version.
    pub version: CompactString,
    /// Build.
    pub build: CompactString,
    /// It is activated.
    pub activated: bool,
}

/// An installed program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Software {
    /// Category of the rulesets.
    pub category: SoftwareCategory,
    /// Name.
    pub name: CompactString,
    /// Version.
    pub version: CompactString,
    /// It is licensed.
    pub licensed: bool,
}

/// What the machine is made of; `None` is unknown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inventory {
    /// Number in the device stream of this boot.
    pub seq: u32,
    /// The moment it speaks of.
    #[serde(rename = "at", with = "rfc3339")]
    pub at_ms: i64,
    /// Processor.
    pub cpu: Cpu,
    /// Memory in MB.
    pub memory_mb: u32,
    /// Up to 64 disks.
    pub disks: Vec<Disk>,
    /// Up to 64 adapters.
    pub graphics: Option<Vec<Graphics>>,
    /// Up to 64 cards.
    pub nics: Option<Vec<Nic>>,
    /// Screen.
    pub screen: Option<Screen>,
    /// Ports.
    pub ports: Option<Ports>,
    /// Camera.
    pub camera: Option<Camera>,
    /// Operating system.
    pub os: Os,
    /// Up to 512 programs.
    pub software: Option<Vec<Software>>,
}
