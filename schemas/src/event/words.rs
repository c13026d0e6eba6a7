//! The closed vocabularies of the events, by their names on the wire.

use super::wire_enum;

wire_enum! {
    /// What a power event reports.
    PowerKind {
        /// the machine started
        Boot = "boot",
        /// it is shutting down
        Shutdown = "shutdown",
        /// it goes to sleep
        Sleep = "sleep",
        /// it woke
        Resume = "resume",
    }
}
wire_enum! {
    /// Probe protocol of a burst.
    Method {
        /// UDP echo
        Udp = "udp",
        /// TCP handshake
        Tcp = "tcp",
    }
}
wire_enum! {
    /// Kind of link that a burst ran over.
    Link {
        /// cable
        Wired = "wired",
        /// wireless
        Wifi = "wifi",
    }
}
wire_enum! {
    /// Direction of a bandwidth test.
    Direction {
        /// to the device
        Down = "down",
        /// from the device
        Up = "up",
    }
}
wire_enum! {
    /// Storage medium.
    Media {
        /// solid state
        Ssd = "ssd",
        /// spinning
        Hdd = "hdd",
        /// anything else
        Other = "other",
    }
}
wire_enum! {
    /// Software category of the rulesets (METRICS section 5).
    SoftwareCategory {
        /// office suite
        Office = "office",
        /// web browser
        Browser = "browser",
        /// antivirus
        Antivirus = "antivirus",
        /// pop-up blocker
        PopupBlocker = "popup_blocker",
        /// remote central management
        RemoteManagement = "remote_management",
        /// restore protection
        Restore = "restore",
        /// monitoring client
        Monitoring = "monitoring",
        /// teaching software
        Teaching = "teaching",
        /// anything else
        Other = "other",
    }
}
wire_enum! {
    /// What is broken.
    FaultClass {
        /// screen or projector
        Display = "display",
        /// touch input
        Touch = "touch",
        /// sound
        Audio = "audio",
        /// network
        Network = "network",
        /// disk
        Disk = "disk",
        /// memory
        Memory = "memory",
        /// power supply
        Power = "power",
        /// software
        Software = "software",
        /// anything else
        Other = "other",
    }
}
wire_enum! {
    /// State of a fault.
    FaultState {
        /// it began
        Open = "open",
        /// it ended
        Closed = "closed",
    }
}
wire_enum! {
    /// What was done with a teaching resource.
    ResourceKind {
        /// opened
        Open = "open",
        /// downloaded
        Download = "download",
        /// uploaded
        Upload = "upload",
    }
}
