from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('designer', '0003_draft_history'),
    ]

    operations = [
        migrations.AddField(
            model_name='draft',
            name='renames',
            field=models.JSONField(default=list),
        ),
    ]
