-- The nodes that a node counts, itself too, and the lanes in which it has more under way than its part by that count. Null: it is of a version
-- that does not say.
ALTER TABLE nodes ADD COLUMN crew bigint[], ADD COLUMN late bigint[];

-- Nodes that are gone, and what they held then: some of it may be under way.
CREATE TABLE gone_nodes (
    node bigint PRIMARY KEY,
    crew bigint[],
    late bigint[],
    -- When it was last heard of, and when the last lease of what it held ends. Milliseconds.
    seen_at bigint NOT NULL,
    until bigint NOT NULL,
    -- The lanes of what it held, and how much in each.
    lanes bigint[] NOT NULL,
    held bigint[] NOT NULL
);
