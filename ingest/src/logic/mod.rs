//! Every decision of the edge, pure: time, configuration and views arrive as arguments; answers leave as values.

pub mod admit;
pub mod answer;
mod avro_post;
pub mod check;
pub mod decode;
pub mod expand;
mod json;
mod json_post;
pub mod limit;
pub mod media;
pub mod record;
pub mod schemas;
pub mod shed;
pub mod stamp;
pub mod token;
pub mod view;
