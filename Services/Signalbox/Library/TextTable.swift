/// Rows of text with aligned columns, for terminals and for `cut`: two spaces between columns, no lines.
struct TextTable {
    /// The heads of the columns.
    let head: [String]
    /// Columns of numbers, which are aligned to the right.
    let numeric: Set<Int>
    private(set) var rows: [[String]] = []

    init(_ head: [String], numeric: Set<Int> = []) {
        self.head = head
        self.numeric = numeric
    }

    /// Adds a row; it has a cell for each column.
    mutating func add(_ row: [String]) {
        precondition(row.count == head.count, "a row has a cell for each column")
        rows.append(row)
    }

    /// The table's lines, each ending in a line break.
    var text: String {
        var widths = head.map(\.count)
        for row in rows {
            for (index, cell) in row.enumerated() { widths[index] = max(widths[index], cell.count) }
        }
        return ([head] + rows).map { line($0, widths) }.joined()
    }

    private func line(_ cells: [String], _ widths: [Int]) -> String {
        var line = ""
        for (index, cell) in cells.enumerated() {
            if index > 0 { line += "  " }
            let padding = String(repeating: " ", count: widths[index] - cell.count)
            line += numeric.contains(index) ? padding + cell : cell + padding
        }
        while line.last == " " { line.removeLast() }
        return line + "\n"
    }
}
