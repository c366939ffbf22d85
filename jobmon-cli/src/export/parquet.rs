//! Rows as a Parquet file, for DuckDB, Polars, pandas and whatever else reads it.

use super::columns::{Cell, Column};
use jobmon_core::Resource;
use parquet::basic::Compression;
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::errors::{ParquetError, Result};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use std::io::Write;
use std::sync::Arc;

/// Rows that are written together: what is held in memory.
const GROUP: usize = 32_768;

/// Values of one column.
#[derive(Debug)]
enum Values {
    Text(Vec<ByteArray>, Vec<i16>),
    Int(Vec<i64>, Vec<i16>),
    Float(Vec<f64>, Vec<i16>),
    Bool(Vec<bool>, Vec<i16>),
    Moment(Vec<i64>),
}

impl Values {
    fn of(cell: &Cell) -> Self {
        match cell {
            Cell::Text(_) => Self::Text(Vec::new(), Vec::new()),
            Cell::Int(_) => Self::Int(Vec::new(), Vec::new()),
            Cell::Float(_) => Self::Float(Vec::new(), Vec::new()),
            Cell::Bool(_) => Self::Bool(Vec::new(), Vec::new()),
            Cell::Moment(_) => Self::Moment(Vec::new()),
        }
    }

    /// As the schema says it.
    const fn kind(&self) -> &'static str {
        match self {
            Self::Text(..) => "OPTIONAL BYTE_ARRAY {} (UTF8)",
            Self::Int(..) => "OPTIONAL INT64 {}",
            Self::Float(..) => "OPTIONAL DOUBLE {}",
            Self::Bool(..) => "OPTIONAL BOOLEAN {}",
            Self::Moment(_) => "REQUIRED INT64 {} (TIMESTAMP(NANOS,true))",
        }
    }

    fn push(&mut self, cell: Cell) {
        fn put<T>(values: &mut Vec<T>, levels: &mut Vec<i16>, value: Option<T>) {
            levels.push(i16::from(value.is_some()));
            values.extend(value);
        }
        match (self, cell) {
            (Self::Text(values, levels), Cell::Text(value)) => {
                put(values, levels, value.map(|text| ByteArray::from(text.into_bytes())));
            }
            (Self::Int(values, levels), Cell::Int(value)) => put(values, levels, value),
            (Self::Float(values, levels), Cell::Float(value)) => put(values, levels, value),
            (Self::Bool(values, levels), Cell::Bool(value)) => put(values, levels, value),
            (Self::Moment(values), Cell::Moment(value)) => values.push(value),
            // A column has cells of one type.
            _ => {}
        }
    }

    fn write(&mut self, writer: &mut ColumnWriter<'_>) -> Result<()> {
        match (self, writer) {
            (Self::Text(values, levels), ColumnWriter::ByteArrayColumnWriter(writer)) => {
                writer.write_batch(values, Some(levels), None)?;
                (*values, *levels) = (Vec::new(), Vec::new());
            }
            (Self::Int(values, levels), ColumnWriter::Int64ColumnWriter(writer)) => {
                writer.write_batch(values, Some(levels), None)?;
                (*values, *levels) = (Vec::new(), Vec::new());
            }
            (Self::Float(values, levels), ColumnWriter::DoubleColumnWriter(writer)) => {
                writer.write_batch(values, Some(levels), None)?;
                (*values, *levels) = (Vec::new(), Vec::new());
            }
            (Self::Bool(values, levels), ColumnWriter::BoolColumnWriter(writer)) => {
                writer.write_batch(values, Some(levels), None)?;
                (*values, *levels) = (Vec::new(), Vec::new());
            }
            (Self::Moment(values), ColumnWriter::Int64ColumnWriter(writer)) => {
                writer.write_batch(values, None, None)?;
                values.clear();
            }
            _ => return Err(ParquetError::General("a column is of another type than its schema".to_owned())),
        }
        Ok(())
    }
}

/// Writes rows one by one.
pub(super) struct Rows<R: ?Sized + 'static, W: Write + Send> {
    columns: &'static [Column<R>],
    values: Vec<Values>,
    waiting: usize,
    writer: SerializedFileWriter<W>,
}

impl<R: ?Sized, W: Write + Send> Rows<R, W> {
    /// `sample` is any row: types of columns are those of its cells.
    pub(super) fn new(into: W, columns: &'static [Column<R>], sample: &R) -> Result<Self> {
        let resource = Resource::default();
        let values: Vec<Values> =
            columns.iter().map(|column| Values::of(&(column.of)(&resource, sample))).collect();
        let fields =
            columns.iter().zip(&values).map(|(column, values)| values.kind().replacen("{}", column.name, 1));
        let schema = format!("message jobmon {{ {}; }}", fields.collect::<Vec<_>>().join("; "));
        let schema = Arc::new(parse_message_type(&schema)?);
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_created_by(concat!("jobmon ", env!("CARGO_PKG_VERSION")).to_owned());
        let writer = SerializedFileWriter::new(into, schema, Arc::new(properties.build()))?;
        Ok(Self { columns, values, waiting: 0, writer })
    }

    pub(super) fn add(&mut self, resource: &Resource, row: &R) -> Result<()> {
        for (column, values) in self.columns.iter().zip(&mut self.values) {
            values.push((column.of)(resource, row));
        }
        self.waiting += 1;
        if self.waiting >= GROUP { self.group() } else { Ok(()) }
    }

    fn group(&mut self) -> Result<()> {
        if self.waiting == 0 {
            return Ok(());
        }
        let mut group = self.writer.next_row_group()?;
        for values in &mut self.values {
            if let Some(mut column) = group.next_column()? {
                values.write(column.untyped())?;
                column.close()?;
            }
        }
        group.close()?;
        self.waiting = 0;
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<()> {
        self.group()?;
        self.writer.close().map(drop)
    }
}
