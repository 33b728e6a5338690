//! Tables and scripts over a small world: one Snyk token, one PAT, one Group, some Organizations.

mod budget_spent;
mod causes;
mod clocks;
mod flapping;
mod forgotten;
mod network;
mod organizations;
mod policy;
mod refused;
mod rotations;
mod rows;
mod texts;
mod world;
