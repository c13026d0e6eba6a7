-- What administrators confirm about schools and areas, and who changed an area last.

-- 学制; empty: not told.
ALTER TABLE schools ADD COLUMN school_system TEXT NOT NULL DEFAULT '';

-- JSON, as the console speaks of it; none: the area's administrator has not told it yet.
ALTER TABLE divisions ADD COLUMN profile TEXT;
ALTER TABLE divisions ADD COLUMN updated_at_ms BIGINT NOT NULL DEFAULT 0;
ALTER TABLE divisions ADD COLUMN updated_by TEXT NOT NULL DEFAULT '';
