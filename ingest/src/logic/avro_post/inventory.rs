//! The inventory.

use super::{U32, integer, list};
use crate::logic::check::Checker;
use schemas::avro::{RawCpu, RawDisk, RawGraphics, RawInventory, RawNic, RawOs, RawPorts, RawScreen, RawSoftware};
use schemas::event::{
    Camera, Cpu, Disk, Event, Graphics, Inventory, Link, Media, Nic, Os, Ports, Screen, Software, SoftwareCategory,
};

/// Longest text of an inventory, characters.
const TEXT: usize = 256;

pub(super) fn event(check: &mut Checker, raw: &RawInventory<'_>) -> Event {
    Event::Inventory(Box::new(Inventory {
        seq: integer(check, "seq", raw.seq, U32),
        at_ms: check.instant("at".into(), Some(raw.at_ms)),
        cpu: cpu(check, &raw.cpu),
        memory_mb: integer(check, "memory_mb", raw.memory_mb, U32),
        disks: list(check, "disks", raw.disks.iter(), 0..=64, |check, _, raw| disk(check, &raw)),
        graphics: raw
            .graphics
            .map(|all| list(check, "graphics", all.iter(), 0..=64, |check, _, raw| graphics(check, &raw))),
        nics: raw.nics.map(|all| list(check, "nics", all.iter(), 0..=64, |check, _, raw| nic(check, &raw))),
        screen: raw.screen.map(|raw| screen(check, raw)),
        ports: raw.ports.map(|raw| ports(check, raw)),
        camera: raw.camera.map(|raw| Camera {
            width: integer(check, "camera.width", raw.width, U32),
            height: integer(check, "camera.height", raw.height, U32),
            microphone: raw.microphone,
        }),
        os: os(check, &raw.os),
        software: raw
            .software
            .map(|all| list(check, "software", all.iter(), 0..=512, |check, _, raw| software(check, &raw))),
    }))
}

fn cpu(check: &mut Checker, raw: &RawCpu<'_>) -> Cpu {
    Cpu {
        model: check.text("cpu.model".into(), raw.model, TEXT),
        cores: integer(check, "cpu.cores", raw.cores, U32),
        threads: integer(check, "cpu.threads", raw.threads, U32),
        base_mhz: integer(check, "cpu.base_mhz", raw.base_mhz, U32),
    }
}

fn disk(check: &mut Checker, raw: &RawDisk<'_>) -> Disk {
    Disk {
        gb: integer(check, "disks.gb", raw.gb, U32),
        media: check.symbol("disks.media".into(), Media::parse(raw.media), Media::ALL),
        system: raw.system,
        free_mb: integer(check, "disks.free_mb", raw.free_mb, U32),
    }
}

fn graphics(check: &mut Checker, raw: &RawGraphics<'_>) -> Graphics {
    Graphics {
        model: check.text("graphics.model".into(), raw.model, TEXT),
        discrete: raw.discrete,
        memory_mb: integer(check, "graphics.memory_mb", raw.memory_mb, U32),
    }
}

fn nic(check: &mut Checker, raw: &RawNic<'_>) -> Nic {
    Nic {
        mac: check.text("nics.mac".into(), raw.mac, TEXT),
        mbps: integer(check, "nics.mbps", raw.mbps, U32),
        link: check.symbol("nics.link".into(), Link::parse(raw.link), Link::ALL),
    }
}

fn screen(check: &mut Checker, raw: RawScreen) -> Screen {
    Screen {
        inch: integer(check, "screen.inch", raw.inch, U32),
        width: integer(check, "screen.width", raw.width, U32),
        height: integer(check, "screen.height", raw.height, U32),
        touch: raw.touch,
    }
}

fn ports(check: &mut Checker, raw: RawPorts) -> Ports {
    let mut port = |value| integer(check, "ports", value, U32);
    Ports {
        usb2: port(raw.usb2),
        usb3: port(raw.usb3),
        typec: port(raw.typec),
        hdmi_out: port(raw.hdmi_out),
        hdmi_in: port(raw.hdmi_in),
        vga_out: port(raw.vga_out),
        vga_in: port(raw.vga_in),
    }
}

fn os(check: &mut Checker, raw: &RawOs<'_>) -> Os {
    Os {
        name: check.text("os.name".into(), raw.name, TEXT),
        version: check.text("os.version".into(), raw.version, TEXT),
        build: check.text("os.build".into(), raw.build, TEXT),
        activated: raw.activated,
    }
}

fn software(check: &mut Checker, raw: &RawSoftware<'_>) -> Software {
    Software {
        category: check.symbol(
            "software.category".into(),
            SoftwareCategory::parse(raw.category),
            SoftwareCategory::ALL,
        ),
        name: check.text("software.name".into(), raw.name, TEXT),
        version: check.text("software.version".into(), raw.version, TEXT),
        licensed: raw.licensed,
    }
}
