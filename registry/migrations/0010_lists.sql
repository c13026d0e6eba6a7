-- Flags that wait to be judged are few, and what lists of schools and devices ask for.
CREATE INDEX device_flags_open ON device_flags (device_no) WHERE state = 'open';
