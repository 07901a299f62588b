from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('designer', '0004_access_token'),
    ]

    operations = [
        migrations.AddField(
            model_name='draft',
            name='renames',
            field=models.JSONField(default=list),
        ),
    ]
