-- code: what is on a device's label (设备编号); files of devices know them by it.
ALTER TABLE devices ADD COLUMN code TEXT;
CREATE UNIQUE INDEX devices_by_code ON devices (code) WHERE code IS NOT NULL;
