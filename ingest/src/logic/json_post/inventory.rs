//! The inventory, the only event with objects inside objects; `null` is allowed where a part is unknown.

use super::{Read, Reader, U32, set};
use crate::logic::check::At;
use crate::logic::json::Walk;
use compact_str::CompactString;
use schemas::event::{
    Camera, Cpu, Disk, Event, Graphics, Inventory, Link, Media, Nic, Os, Ports, Screen, Software, SoftwareCategory,
};

/// Longest text of an inventory, characters.
const TEXT: usize = 256;
/// Most elements of its arrays, but for software.
const ARRAY: usize = 64;
/// Most programs.
const SOFTWARE: usize = 512;

const NAMES: &[&str] = &[
    "type",
    "seq",
    "at",
    "cpu",
    "memory_mb",
    "disks",
    "graphics",
    "nics",
    "screen",
    "ports",
    "camera",
    "os",
    "software",
];

impl Reader<'_> {
    pub(super) fn inventory(&mut self) -> Read<Option<Event>> {
        let mut e = blank();
        self.object("event", NAMES, |r, name| match name {
            0 => r.skip(),
            1 => set(&mut e.seq, r.integer("seq", U32)),
            2 => set(&mut e.at_ms, r.instant()),
            3 => set(&mut e.cpu, r.cpu()),
            4 => set(&mut e.memory_mb, r.integer("memory_mb", U32)),
            5 => set(&mut e.disks, r.list("disks", 0..=ARRAY, Reader::disk)),
            6 => set(&mut e.graphics, r.nullable(|r| r.list("graphics", 0..=ARRAY, Reader::graphics))),
            7 => set(&mut e.nics, r.nullable(|r| r.list("nics", 0..=ARRAY, Reader::nic))),
            8 => set(&mut e.screen, r.nullable(Reader::screen)),
            9 => set(&mut e.ports, r.nullable(Reader::ports)),
            10 => set(&mut e.camera, r.nullable(Reader::camera)),
            11 => set(&mut e.os, r.os()),
            _ => set(&mut e.software, r.nullable(|r| r.list("software", 0..=SOFTWARE, Reader::software))),
        })?;
        Ok(Some(Event::Inventory(Box::new(e))))
    }

    fn nullable<T>(&mut self, read: impl FnOnce(&mut Self) -> Read<T>) -> Read<Option<T>> {
        if self.cursor.null()? { Ok(None) } else { read(self).map(Some) }
    }

    fn cpu(&mut self) -> Read<Cpu> {
        let mut e = Cpu { model: CompactString::default(), cores: 0, threads: 0, base_mhz: 0 };
        self.object("cpu", &["model", "cores", "threads", "base_mhz"], |r, name| match name {
            0 => set(&mut e.model, r.text("cpu.model", TEXT)),
            1 => set(&mut e.cores, r.integer("cpu.cores", U32)),
            2 => set(&mut e.threads, r.integer("cpu.threads", U32)),
            _ => set(&mut e.base_mhz, r.integer("cpu.base_mhz", U32)),
        })?;
        Ok(e)
    }

    fn disk(&mut self, at: At) -> Read<Disk> {
        let mut e = Disk { gb: 0, media: Media::Other, system: false, free_mb: 0 };
        self.object(at, &["gb", "media", "system", "free_mb"], |r, name| match name {
            0 => set(&mut e.gb, r.integer("disks.gb", U32)),
            1 => set(&mut e.media, r.symbol("disks.media", Media::parse, Media::ALL)),
            2 => set(&mut e.system, r.boolean("disks.system")),
            _ => set(&mut e.free_mb, r.integer("disks.free_mb", U32)),
        })?;
        Ok(e)
    }

    fn graphics(&mut self, at: At) -> Read<Graphics> {
        let mut e = Graphics { model: CompactString::default(), discrete: false, memory_mb: 0 };
        self.object(at, &["model", "discrete", "memory_mb"], |r, name| match name {
            0 => set(&mut e.model, r.text("graphics.model", TEXT)),
            1 => set(&mut e.discrete, r.boolean("graphics.discrete")),
            _ => set(&mut e.memory_mb, r.integer("graphics.memory_mb", U32)),
        })?;
        Ok(e)
    }

    fn nic(&mut self, at: At) -> Read<Nic> {
        let mut e = Nic { mac: CompactString::default(), mbps: 0, link: Link::Wired };
        self.object(at, &["mac", "mbps", "link"], |r, name| match name {
            0 => set(&mut e.mac, r.text("nics.mac", TEXT)),
            1 => set(&mut e.mbps, r.integer("nics.mbps", U32)),
            _ => set(&mut e.link, r.symbol("nics.link", Link::parse, Link::ALL)),
        })?;
        Ok(e)
    }

    fn screen(&mut self) -> Read<Screen> {
        let mut e = Screen { inch: 0, width: 0, height: 0, touch: false };
        self.object("screen", &["inch", "width", "height", "touch"], |r, name| match name {
            0 => set(&mut e.inch, r.integer("screen.inch", U32)),
            1 => set(&mut e.width, r.integer("screen.width", U32)),
            2 => set(&mut e.height, r.integer("screen.height", U32)),
            _ => set(&mut e.touch, r.boolean("screen.touch")),
        })?;
        Ok(e)
    }

    fn ports(&mut self) -> Read<Ports> {
        const NAMES: &[&str] = &["usb2", "usb3", "typec", "hdmi_out", "hdmi_in", "vga_out", "vga_in"];
        let mut e = Ports { usb2: 0, usb3: 0, typec: 0, hdmi_out: 0, hdmi_in: 0, vga_out: 0, vga_in: 0 };
        self.object("ports", NAMES, |r, name| {
            let value = r.integer("ports", U32)?;
            match name {
                0 => e.usb2 = value,
                1 => e.usb3 = value,
                2 => e.typec = value,
                3 => e.hdmi_out = value,
                4 => e.hdmi_in = value,
                5 => e.vga_out = value,
                _ => e.vga_in = value,
            }
            Ok(())
        })?;
        Ok(e)
    }

    fn camera(&mut self) -> Read<Camera> {
        let mut e = Camera { width: 0, height: 0, microphone: false };
        self.object("camera", &["width", "height", "microphone"], |r, name| match name {
            0 => set(&mut e.width, r.integer("camera.width", U32)),
            1 => set(&mut e.height, r.integer("camera.height", U32)),
            _ => set(&mut e.microphone, r.boolean("camera.microphone")),
        })?;
        Ok(e)
    }

    fn os(&mut self) -> Read<Os> {
        let mut e = blank().os;
        self.object("os", &["name", "version", "build", "activated"], |r, name| match name {
            0 => set(&mut e.name, r.text("os.name", TEXT)),
            1 => set(&mut e.version, r.text("os.version", TEXT)),
            2 => set(&mut e.build, r.text("os.build", TEXT)),
            _ => set(&mut e.activated, r.boolean("os.activated")),
        })?;
        Ok(e)
    }

    fn software(&mut self, at: At) -> Read<Software> {
        let (name, version) = (CompactString::default(), CompactString::default());
        let mut e = Software { category: SoftwareCategory::Other, name, version, licensed: false };
        self.object(at, &["category", "name", "version", "licensed"], |r, name| match name {
            0 => set(&mut e.category, r.symbol("software.category", SoftwareCategory::parse, SoftwareCategory::ALL)),
            1 => set(&mut e.name, r.text("software.name", TEXT)),
            2 => set(&mut e.version, r.text("software.version", TEXT)),
            _ => set(&mut e.licensed, r.boolean("software.licensed")),
        })?;
        Ok(e)
    }
}

/// An inventory of a machine without qualities.
fn blank() -> Inventory {
    let empty = CompactString::default;
    Inventory {
        seq: 0,
        at_ms: 0,
        cpu: Cpu { model: empty(), cores: 0, threads: 0, base_mhz: 0 },
        memory_mb: 0,
        disks: Vec::new(),
        graphics: None,
        nics: None,
        screen: None,
        ports: None,
        camera: None,
        os: Os { name: empty(), version: empty(), build: empty(), activated: false },
        software: None,
    }
}
